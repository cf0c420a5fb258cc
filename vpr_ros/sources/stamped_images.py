"""Files that say when each image was taken: TUM ``rgb.txt``, EuRoC ``data.csv``, KITTI ``times.txt``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import SourceError
from vpr_ros.sources.pose_track import refuse_jumps
from vpr_ros.sources.stamps import nanoseconds_in_column, stamp_in_column

StampedPath = tuple[int, Path]
"""Nanoseconds and an image that may be absent."""


def read_rgb_txt(file: Path) -> list[StampedPath]:
    """Read ``stamp path`` per line, the stamp in seconds, the path relative to the file.

    Raises:
        SourceError: the file cannot be read, or a line is something else.
    """
    return _read(file, None, file.parent, stamp_in_column, "STAMP rgb/NAME")


def read_data_csv(file: Path) -> list[StampedPath]:
    """Read ``stamp,name`` per line, the stamp in nanoseconds, the name in ``data/`` beside the file.

    Raises:
        SourceError: the file cannot be read, or a line is something else.
    """
    return _read(file, ",", file.parent / "data", nanoseconds_in_column, "STAMP_NS,NAME")


def read_times_txt(file: Path, images: int) -> list[int]:
    """Read one time per image, in seconds.

    Raises:
        SourceError: the file cannot be read, a line is no time, or there are not as many as images.
        ClockError: time jumps backwards.
    """
    stamps_ns = []
    for number, line in _lines(file):
        stamp_ns = stamp_in_column(line)
        if stamp_ns is None:
            raise SourceError(f"{file}: line {number} is {line!r}, expected a time in seconds", "Correct it")
        stamps_ns.append(stamp_ns)
    if len(stamps_ns) != images:
        raise SourceError(
            f"{file} has {len(stamps_ns)} times, the folder has {images} images",
            "Make it one line per image, or rename it if it says something else",
        )
    refuse_jumps(str(file), np.array(stamps_ns, dtype=np.int64))
    return stamps_ns


def _read(
    file: Path, separator: str | None, folder: Path, parse: Callable[[str], int | None], expected: str
) -> list[StampedPath]:
    found = []
    for number, line in _lines(file):
        stamp, *names = (cell.strip() for cell in line.split(separator, 1))
        stamp_ns = parse(stamp)
        if stamp_ns is None or not names or not names[0]:
            raise SourceError(f"{file}: line {number} is {line!r}, expected {expected}", "Correct or remove it")
        found.append((stamp_ns, folder / names[0]))
    return found


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments and empty ones."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file} cannot be read ({error})", "Make it a text file, or rename it") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()
