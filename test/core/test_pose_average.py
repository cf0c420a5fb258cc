# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vpr_ros.core.pose_average import consistent_with_first

pytestmark = pytest.mark.fast


def test_hypotheses_are_turned_as_far_as_scipy_says() -> None:
    quat_xyzw = np.random.default_rng(3).standard_normal((50, 4))
    turned_rad = (Rotation.from_quat(quat_xyzw[0]).inv() * Rotation.from_quat(quat_xyzw)).magnitude()
    for most_rad in (0.5, 1.5, 2.5):
        found = consistent_with_first(np.zeros((50, 3)), quat_xyzw, 1.0, most_rad)
        assert found.tolist() == (turned_rad <= most_rad).tolist() and found[0]
