# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The ``FrameSource`` every reader of this package answers with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, PositionSigma


@dataclass(frozen=True, eq=False)
class RecordedSource:
    """Records that are all known, with images that are not read yet (see ``core.frames.FrameSource``).

    Attributes:
        map_frame_id: the frame the poses are given in.
        cameras: every camera by name.
        description: one line for people: what was opened, how many frames, what was left out and why.
        records: in time order per camera.
        datum: origin of the local frame when the poses came from GPS.
        warnings: one sentence each: what a person should know before using poses and cameras. The description has them
            too, but for those about intrinsics: a build knows its recording by it, of which these change no frame.
        is_drive: whether each frame follows the one before along a drive.
        position_sigma: of the positions, where the recording declares it; None: nobody knows.
    """

    map_frame_id: str
    cameras: Mapping[str, CameraMount]
    description: str
    records: tuple[FrameRecord, ...] = field(repr=False)
    datum: GeoDatum | None = None
    warnings: tuple[str, ...] = ()
    is_drive: bool = True
    position_sigma: PositionSigma | None = None

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[FrameRecord]:
        return iter(self.records)
