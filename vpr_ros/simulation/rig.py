# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A drive seen by several cameras of one robot, triggered together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.simulation.camera import T_BASE_CAMERA, camera_mount
from vpr_ros.simulation.source import SimulatedSource

MOUNTS: Final[Mapping[str, Pose]] = MappingProxyType(
    {
        "front": T_BASE_CAMERA,
        "rear": camera_mount(forward_m=-0.3, yaw_rad=math.pi),
        "left": camera_mount(forward_m=0.0, left_m=0.2, yaw_rad=math.pi / 2),
        "right": camera_mount(forward_m=0.0, left_m=-0.2, yaw_rad=-math.pi / 2),
    }
)
"""``T_base_camera`` of each camera that a simulated robot may have, by name."""
_SEEDS_APART: Final = 7919


class SimulatedRig:
    """The same drive through each of some cameras: a ``FrameSource`` with one image of each for every pose.

    Args:
        drive: as its one camera sees it.
        cameras: names of ``MOUNTS``, two at least.

    Raises:
        ConfigError: a name that is none of them, or twice the same.
    """

    def __init__(self, drive: SimulatedSource, cameras: Sequence[str]) -> None:
        if len(set(cameras)) != len(cameras) or not set(cameras) <= set(MOUNTS):
            raise ConfigError(
                f"found the cameras {', '.join(cameras)}, expected different ones of {', '.join(MOUNTS)}",
                "Correct --cameras",
            )
        self._drive = drive
        self._sources = {name: _seen_by(drive, name, number) for number, name in enumerate(cameras)}

    @property
    def map_frame_id(self) -> str:
        """That of the drive."""
        return self._drive.map_frame_id

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """Each with its own optical frame."""
        return {
            name: CameraMount(name, f"{name}_optical_frame", source.T_base_camera, source.camera)
            for name, source in self._sources.items()
        }

    @property
    def datum(self) -> GeoDatum | None:
        """None: the town is nowhere on earth."""
        return None

    @property
    def is_drive(self) -> bool:
        """Always."""
        return True

    @property
    def description(self) -> str:
        """One line."""
        return f"{self._drive.description} of each of {', '.join(self._sources)}"

    def __len__(self) -> int:
        return len(self._drive) * len(self._sources)

    def __iter__(self) -> Iterator[FrameRecord]:
        for records in zip(*self._sources.values(), strict=True):
            for name, record in zip(self._sources, records, strict=True):
                yield replace(record, camera=name, name=f"{name}@{record.stamp_ns}")


def _seen_by(drive: SimulatedSource, name: str, number: int) -> SimulatedSource:
    """The first camera has the noise of the drive, each other one its own."""
    seed = drive.seed + _SEEDS_APART * number
    return SimulatedSource(drive.town, drive.drive, drive.camera, drive.conditions, seed, MOUNTS[name])
