# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One recording cut into map and query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.sources.frame_range import FrameRange, parse_frame_range


class TenFrames:
    """Ten frames 1 m apart; says which were decoded."""

    map_frame_id = "hall"
    cameras: Mapping[str, CameraMount] = {"camera": CameraMount("camera")}
    datum: GeoDatum | None = None
    is_drive: bool = True
    description = "ten frames"

    def __init__(self) -> None:
        self.decoded: list[int] = []

    def __len__(self) -> int:
        return 10

    def __iter__(self) -> Iterator[FrameRecord]:
        for number in range(10):
            pose = Pose((float(number), 0.0, 0.0))
            yield FrameRecord(number, "camera", f"{number}.png", pose, partial(self._image, number))

    def _image(self, number: int) -> ImageRgb:
        self.decoded.append(number)
        return np.zeros((2, 2, 3), dtype=np.uint8)


@pytest.mark.parametrize(("text", "numbers"), [("2:5", [2, 3, 4]), (":2", [0, 1]), ("8:", [8, 9]), ("7:99", [7, 8, 9])])
def test_range_yields_its_records_again_and_again(text: str, numbers: list[int]) -> None:
    source = TenFrames()
    cut = FrameRange(source, *parse_frame_range(text))
    assert [record.stamp_ns for record in cut] == [record.stamp_ns for record in cut] == numbers
    assert len(cut) == len(numbers)
    assert (cut.map_frame_id, cut.cameras, cut.datum) == ("hall", source.cameras, None)
    assert source.decoded == []
    next(iter(cut)).load()
    assert source.decoded == numbers[:1]


def test_range_outside_the_recording_is_refused() -> None:
    with pytest.raises(SourceError, match="10 frames, none of them in the range 10:20"):
        FrameRange(TenFrames(), 10, 20)


@pytest.mark.parametrize("text", ["", "5", "a:b", "-3:4", "1:2:3"])
def test_text_that_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"0:300"):
        parse_frame_range(text)
