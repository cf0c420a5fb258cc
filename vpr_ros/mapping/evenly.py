# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which of many are asked, where all would take too long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def evenly(total: int, most: int) -> npt.NDArray[np.int64]:
    """Numbers of at most *most* of *total* things, evenly among them."""
    if not total:
        return np.empty(0, dtype=np.int64)
    return np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(np.int64))
