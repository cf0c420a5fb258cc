# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Files that say when each image was taken: TUM ``rgb.txt``, EuRoC ``data.csv``, KITTI ``times.txt``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.core.files import read_text
from vpr_ros.sources.pose_track import refuse_jumps
from vpr_ros.sources.stamps import StampColumn, TimeUnit, read_stamps
from vpr_ros.sources.text_lines import numbered_lines


@dataclass(frozen=True)
class StampedPaths:
    """Times and images that may be absent.

    Attributes:
        stamps_ns, paths: one of each per line.
        note: which unit was taken, where that is not the format's; "" otherwise.
    """

    stamps_ns: Sequence[int]
    paths: Sequence[Path]
    note: str


def read_rgb_txt(file: Path) -> StampedPaths:
    """Read ``stamp path`` per line, the stamp in seconds, the path relative to the file.

    Raises:
        SourceError: the file cannot be read, or a line is something else.
    """
    return _read(file, None, file.parent, TimeUnit.SECONDS, "STAMP rgb/NAME")


def read_data_csv(file: Path) -> StampedPaths:
    """Read ``stamp,name`` per line, the stamp in nanoseconds, the name in ``data/`` beside the file.

    Raises:
        SourceError: the file cannot be read, or a line is something else.
    """
    return _read(file, ",", file.parent / "data", TimeUnit.NANOSECONDS, "STAMP_NS,NAME")


def read_times_txt(file: Path, images: int) -> StampColumn:
    """Read one time per image, in seconds.

    Raises:
        SourceError: the file cannot be read, a line is no time, or there are not as many as images.
        ClockError: time jumps backwards.
    """
    lines = list(_lines(file))

    def refuse(index: int) -> SourceError:
        number, line = lines[index]
        return SourceError(f"{file}: line {number} is {line[:80]!r}, expected a time in seconds", "Correct it")

    column = read_stamps(file.name, lines, refuse, TimeUnit.SECONDS)
    if len(column.stamps_ns) != images:
        raise SourceError(
            f"{file} has {len(column.stamps_ns)} times, the folder has {images} images",
            "Make it one line per image, or rename it if it says something else",
        )
    refuse_jumps(str(file), np.array(column.stamps_ns, dtype=np.int64))
    return column


def _read(file: Path, separator: str | None, folder: Path, said: TimeUnit, expected: str) -> StampedPaths:
    lines = list(_lines(file))
    cells = [[cell.strip() for cell in line.split(separator, 1)] for _, line in lines]

    def refuse(index: int) -> SourceError:
        number, line = lines[index]
        return SourceError(f"{file}: line {number} is {line[:80]!r}, expected {expected}", "Correct or remove it")

    for index, names in enumerate(cells):
        if len(names) < 2 or not names[1]:
            raise refuse(index)
    numbered = [(number, names[0]) for (number, _), names in zip(lines, cells, strict=True)]
    column = read_stamps(file.name, numbered, refuse, said)
    return StampedPaths(column.stamps_ns, [folder / names[1] for names in cells], column.note)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments and empty ones."""
    for number, line in numbered_lines(read_text(file, SourceError)):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()
