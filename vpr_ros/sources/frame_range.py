# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A slice of a source by frame number, so that one recording can be map and query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from vpr_ros.core.errors import ConfigError, SourceError
from vpr_ros.core.frames import CameraMount, FrameRecord, FrameSource, GeoDatum, PositionSigma, declared_sigma

_FRAME_NUMBER = re.compile(r"[0-9]{1,18}")


class FrameRange:
    """The records start <= number < stop of a source, numbered from 0 in its own order."""

    def __init__(self, source: FrameSource, start: int = 0, stop: int | None = None) -> None:
        """Wrap *source*.

        Args:
            source: what to slice; only the records asked for are decoded.
            start: number of the first record.
            stop: number after the last record, None = to the end.

        Raises:
            SourceError: no record of the source lies in the range.
        """
        self._source = source
        self._start = start
        self._stop = len(source) if stop is None else min(stop, len(source))
        if self._start >= self._stop:
            raise SourceError(
                f"{source.description}: {len(source)} frames, none of them in the range {start}:{stop or ''}",
                "Give a range A:B inside the recording, the first frame being 0",
            )

    @property
    def map_frame_id(self) -> str:
        """The frame the poses are given in."""
        return self._source.map_frame_id

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """Every camera of the source by name."""
        return self._source.cameras

    @property
    def datum(self) -> GeoDatum | None:
        """Origin of the local frame when the poses came from GPS."""
        return self._source.datum

    @property
    def position_sigma(self) -> PositionSigma | None:
        """Of the positions, where the recording declares it."""
        return declared_sigma(self._source)

    @property
    def is_drive(self) -> bool:
        """Whether each frame follows the one before along a drive."""
        return self._source.is_drive

    @property
    def description(self) -> str:
        """One line for logs, manifests and reports."""
        return f"{self._source.description}, frames {self._start}:{self._stop}"

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[FrameRecord]:
        return islice(iter(self._source), self._start, self._stop)


def parse_frame_range(text: str) -> tuple[int, int | None]:
    """Read ``A:B``, ``A:`` or ``:B``: record numbers from 0, B not included.

    Raises:
        ConfigError: anything else.
    """
    start, colon, stop = text.partition(":")
    if not colon or not all(part == "" or _FRAME_NUMBER.fullmatch(part) for part in (start, stop)):
        raise ConfigError(f"frame range {text[:80]!r} is not A:B", "Give for example 0:300, 300: or :300")
    return int(start or 0), int(stop) if stop else None
