# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The drive that ``benchmark`` measures on, where the user names none: JPEGs of a simulated town. No ROS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import FrameRecord, FrameSource, ImageRgb
from vpr_ros.simulation.conditions import CONDITIONS
from vpr_ros.simulation.drive import DrivePlan
from vpr_ros.simulation.record import record_folder
from vpr_ros.simulation.source import SimulatedSource
from vpr_ros.simulation.town import Town
from vpr_ros.sources import SourceOptions, open_source

SPACING_M: Final = 1.5
SIZE_PX: Final = (640, 480)


def simulated_recording(folder: Path, frames: int) -> FrameSource:
    """Record *frames* images of 640x480 as JPEG below *folder* and open them."""
    plan = DrivePlan(speed_mps=SPACING_M * 5.0, rate_hz=5.0, distance_m=SPACING_M * (frames - 0.5))
    drive = SimulatedSource(Town(1), plan, CameraIntrinsics.from_fov(*SIZE_PX), CONDITIONS["day"])
    record_folder(drive, folder / "drive", image_suffix=".jpg")
    options = SourceOptions(poses=folder / "drive" / "trajectory.txt")
    return open_source(folder / "drive" / "images", options)


class FirstFrames:
    """The first *count* records of *source*: a ``FrameSource``."""

    def __init__(self, source: FrameSource, count: int) -> None:
        self._source = source
        self._records: tuple[FrameRecord, ...] = tuple(itertools.islice(source, count))
        self.map_frame_id = source.map_frame_id
        self.cameras = source.cameras
        self.datum = source.datum
        self.is_drive = source.is_drive
        self.description = f"{len(self._records)} frames of {source.description}"

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[FrameRecord]:
        return iter(self._records)

    def images(self) -> list[ImageRgb]:
        """Decode all of them."""
        return [record.load_image() for record in self._records]
