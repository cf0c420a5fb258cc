# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images are known again by what they show, and a part of a drive by its share."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.evaluation.image_marks import KEPT, kept_marks, shared


def drive(first: int, last: int) -> str:
    """Of images with these numbers."""
    rng = np.random.default_rng(0)
    marks = [f"{mark:08x}" for mark in rng.integers(0, 2**32, 1000)]
    return kept_marks([*marks[first:last], marks[first]])


def test_a_part_of_a_drive_is_known_by_what_is_kept_of_both() -> None:
    assert len(drive(0, 300).split()) == KEPT and len(drive(0, 30).split()) == 30
    for other, share in ((drive(0, 300), 1.0), (drive(100, 140), 1.0), (drive(300, 600), 0.0), (drive(900, 901), 0.0)):
        assert shared(drive(0, 300), other) == shared(other, drive(0, 300)) == share
    assert shared(drive(0, 300), drive(150, 450)) == pytest.approx(0.5, abs=0.15)
    assert shared("", drive(0, 300)) == shared("", "") == 0.0  # of older maps nothing is known
