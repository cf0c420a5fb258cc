"""The ``FrameSource`` every reader of this package answers with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum


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
    """

    map_frame_id: str
    cameras: Mapping[str, CameraMount]
    description: str
    records: tuple[FrameRecord, ...] = field(repr=False)
    datum: GeoDatum | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[FrameRecord]:
        return iter(self.records)
