# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which records of a source become map frames: those with a finite pose, thinned by the keyframe gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from vpr_ros.core.frames import FrameRecord, FrameSource
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.maps.manifest_values import LARGEST_POSITION_M
from vpr_ros.sources.keyframes import keyframes

T = TypeVar("T")


class Progress(Protocol):
    """Told how far a long job is."""

    def __call__(self, done: int, total: int, stage: str = "", /) -> None:
        """So much is *done* of *total*, e.g. of the records of a source; then, from 0 on, of each longer step after it.

        *stage* says with what, where that changes.
        """


NO_POSE = "no pose"
POSE_TOO_FAR = "position beyond a million kilometres"
POSE_NOT_FINITE = "pose not finite"
UNDECODABLE = "image does not decode"
UNDESCRIBED = "the model has no descriptor for the image"
TOO_CLOSE = "closer than the keyframe gate"


def told(items: Iterable[T], total: int, progress: Progress | None) -> Iterator[T]:
    """Yield *items* and tell *progress* of each, when the next is asked for."""
    for number, item in enumerate(items, start=1):
        yield item
        if progress is not None:
            progress(number, total)


class UsableFrames:
    """The records a map is made from, with a count of those left out.

    Attributes:
        skipped: reason -> count, of the last complete iteration.
    """

    def __init__(self, source: FrameSource, config: BuildConfig) -> None:
        self._source = source
        self._config = config
        self.skipped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[FrameRecord]:
        """Yield the records from the first; may be called again."""
        return self.read()

    def read(self, progress: Progress | None = None) -> Iterator[FrameRecord]:
        """Yield the records from the first, and tell *progress* of those left out too."""
        self.skipped = Counter()
        kept = 0
        for record in keyframes(self._with_pose(progress), *self._config.gates(self._source.is_drive)):
            kept += 1
            yield record
        if too_close := self._posed - kept:
            self.skipped[TOO_CLOSE] = too_close

    def _with_pose(self, progress: Progress | None) -> Iterator[FrameRecord]:
        self._posed = 0
        for record in self._records(progress):
            if record.T_map_base is None:
                self.skipped[NO_POSE] += 1
            elif not record.T_map_base.is_finite:
                self.skipped[POSE_NOT_FINITE] += 1
            elif max(map(abs, record.T_map_base.position_m)) > LARGEST_POSITION_M:
                self.skipped[POSE_TOO_FAR] += 1
            else:
                self._posed += 1
                yield record

    def _records(self, progress: Progress | None) -> Iterator[FrameRecord]:
        return told(self._source, len(self._source), progress)
