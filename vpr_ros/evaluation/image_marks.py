# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""By what images are known again, whatever they are called: nothing is to be counted twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from vpr_ros.core.frames import FrameRecord, FrameSource, ImageRgb
from vpr_ros.evaluation.outcome import QueryOutcome
from vpr_ros.sources.frame_range import FrameRange

MARK_BYTES: Final = 4
KEPT: Final = 64
"""So many marks of a drive are kept, the smallest ones: those of two drives that share images share marks as well
(Broder, "On the resemblance and containment of documents", 1997)."""


class MarkedImages(FrameRange):
    """A source that remembers a mark of each image that somebody decodes."""

    def __init__(self, source: FrameSource) -> None:
        """Wrap *source*.

        Raises:
            SourceError: it is empty.
        """
        super().__init__(source)
        self._marks: dict[tuple[int, str, str], str] = {}

    @property
    def description(self) -> str:
        """That of the source."""
        return self._source.description

    def __iter__(self) -> Iterator[FrameRecord]:
        for record in self._source:
            yield replace(record, load_image=partial(self._load, record))

    def marks(self, rows: Sequence[QueryOutcome]) -> list[str]:
        """Those of the images answered, one each."""
        return [self._marks[row.answer.stamp_ns, row.answer.camera, row.name] for row in rows]

    def _load(self, record: FrameRecord) -> ImageRgb:
        image_rgb = record.load_image()
        pixels = hashlib.blake2b(np.ascontiguousarray(image_rgb).data, digest_size=MARK_BYTES)
        self._marks[record.stamp_ns, record.camera, record.name] = pixels.hexdigest()
        return image_rgb


def kept_marks(marks: Sequence[str]) -> str:
    """What is kept of the marks of a drive."""
    return " ".join(sorted(set(marks))[:KEPT])


def shared(one: str, other: str) -> float:
    """Which share of the smaller of two drives the other has too, by what was kept of their marks: 0..1."""
    first, second = (set(kept.split()) for kept in (one, other))
    complete_to = min((max(marks) for marks in (first, second) if len(marks) >= KEPT), default="~")
    first, second = ({mark for mark in marks if mark <= complete_to} for marks in (first, second))
    fewer = min(len(first), len(second))
    return len(first & second) / fewer if fewer else 0.0
