# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depth images in a TUM RGB-D folder: which belongs to which image, and metres."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.depth_files import nearest_stamp
from vpr_ros.sources.recorded_source import RecordedSource

TIMES = (10.0, 10.1, 10.2)


@pytest.fixture
def tum(tmp_path: Path) -> Path:
    """Three images; the depth image of the first is 15 ms late, of the second 30 ms, that of the third is no depth."""
    for name in ("rgb", "depth"):
        (tmp_path / name).mkdir()
    for time_s in TIMES:
        cv2.imwrite(str(tmp_path / "rgb" / f"{time_s:.3f}.png"), np.zeros((6, 8, 3), np.uint8))
    depth = np.array([[0, 5000], [65535, 7500]], np.uint16)
    for name, pixels in (("10.015", depth), ("10.130", depth), ("10.200", depth.astype(np.uint8))):
        cv2.imwrite(str(tmp_path / "depth" / f"{name}.png"), pixels)
    lines = {"rgb": [f"{t:.3f}" for t in TIMES], "depth": ["10.015", "10.130", "10.200", "10.100"]}
    for folder, names in lines.items():
        (tmp_path / f"{folder}.txt").write_text("# list\n" + "".join(f"{n} {folder}/{n}.png\n" for n in names))
    truth = "".join(f"{t} {t} 0 0 0 0 0 1\n" for t in (9.9, *TIMES, 10.3))
    (tmp_path / "groundtruth.txt").write_text(truth)
    return tmp_path


def has_depth(source: RecordedSource) -> list[bool]:
    return [record.load_depth_m is not None for record in source]


@pytest.mark.parametrize("inside", [".", "rgb"])
def test_each_image_has_the_depth_image_of_its_time(tum: Path, inside: str) -> None:
    source = open_source(tum / inside)
    assert has_depth(source) == [True, False, True]  # one that is listed and not there is none
    first, _, third = source.records
    assert first.load_depth_m is not None and third.load_depth_m is not None
    np.testing.assert_allclose(first.load_depth_m(), [[np.nan, 1.0], [13.107, 1.5]], rtol=1e-6)
    with pytest.raises(FrameDecodeError, match=r"10\.200\.png holds uint8 pixels .* expected depth as 16-bit grey"):
        third.load_depth_m()


def test_they_change_neither_what_a_recording_is_called_nor_need_they_be_read(tum: Path) -> None:
    with_depth = open_source(tum)
    without = open_source(tum, SourceOptions(depth_images=False))
    assert has_depth(without) == [False] * 3
    assert without.description == with_depth.description
    (tum / "depth.txt").write_text("no list at all\n")
    broken = open_source(tum)
    assert has_depth(broken) == [False] * 3 and broken.description == with_depth.description
    assert any("depth images are not read: " in warning and "depth.txt" in warning for warning in broken.warnings)


def test_the_nearest_time_within_the_gap() -> None:
    assert nearest_stamp([10, 20, 30], 24, 5) == 1
    assert nearest_stamp([10, 20, 30], 5, 5) == 0
    assert nearest_stamp([10, 20, 30], 36, 5) is None
    assert nearest_stamp([], 36) is None
