# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``frames.csv``: one line per map frame, readable with a text editor, numpy or pandas."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.core.pose import Pose
from vpr_ros.core.printable import printable
from vpr_ros.maps.frame_lines import FrameLines
from vpr_ros.maps.manifest_values import LARGEST_POSITION_M
from vpr_ros.maps.map_files import DAMAGED, map_errors
from vpr_ros.maps.npy_file import map_array

COLUMNS = ("id", "stamp_ns", "session", "camera", "x_m", "y_m", "z_m", "qx", "qy", "qz", "qw", "name")
"""``camera`` is the number of the camera in the manifest's list; an unknown orientation is four ``nan``."""

LONGEST_LINE = 1 << 16
"""Characters: more than any path has, and less than the csv module takes for a field."""

MANY_FRAMES = 50_000
"""Reading all names takes a tenth of a second then, which the first image would wait for, and their memory."""

NUMBERS_NAME = "frames.npy"

_NUMBERS = np.dtype([(name, "<i8") for name in COLUMNS[:4]] + [(name, "<f8") for name in COLUMNS[4:11]])


@dataclass(frozen=True)
class FrameRow:
    """One line of the table, without its id (the line's number)."""

    stamp_ns: int
    session: int
    camera: int
    T_map_base: Pose
    name: str

    def fields(self) -> list[str | int | float]:
        """The line's fields after the id, as the csv module and JSON write them."""
        quat_xyzw = self.T_map_base.quat_xyzw or (float("nan"),) * 4
        position_m = self.T_map_base.position_m
        return [self.stamp_ns, self.session, self.camera, *position_m, *quat_xyzw, printable(self.name)]


@dataclass(frozen=True, eq=False)
class FrameTable:
    """Every frame of a map.

    Attributes:
        path: the file; all names are read from it when somebody asks for them.
        stamp_ns: (N,) int64.
        session: (N,) int64, number of the session in the manifest's list.
        camera_index: (N,) int64, number of the camera in ``camera_names``.
        position_m: (N, 3) float64 in the map frame.
        quat_xyzw: (N, 4) float64, unit length, a row of NaN where the orientation is unknown.
        camera_names: names of the cameras.
        lines: of a long table, for the name of one frame.
    """

    path: Path
    stamp_ns: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    camera_index: npt.NDArray[np.int64]
    position_m: npt.NDArray[np.float64]
    quat_xyzw: npt.NDArray[np.float64]
    camera_names: tuple[str, ...]
    lines: FrameLines | None = None

    def __len__(self) -> int:
        return len(self.stamp_ns)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of every frame within its source; read on first use.

        Raises:
            MapError: the file is gone, or is another one by now.
        """
        with map_errors(self.path), self.path.open(newline="", encoding="utf-8") as stream:
            names = tuple(row[-1] for row in csv.reader(_lines(stream)))[1:]
        if len(names) != len(self):
            raise MapError(
                f"{self.path} names {len(names)} frames, and had {len(self)} when the map was opened",
                "The map was replaced meanwhile: open it again",
            )
        return names

    @cached_property
    def has_orientation(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the orientation is known."""
        return np.asarray(np.isfinite(self.quat_xyzw).all(axis=1))

    def name(self, index: int) -> str:
        """Name of frame *index*; of a long table the others are not read.

        Raises:
            MapError: see ``names``.
        """
        return self.names[index] if self.lines is None else self.lines.name(index)

    def camera(self, index: int) -> str:
        """Name of the camera that took frame *index*."""
        return self.camera_names[int(self.camera_index[index])]

    def pose(self, index: int) -> Pose:
        """``T_map_base`` of frame *index*."""
        x, y, z = self.position_m[index].tolist()
        if not self.has_orientation[index]:
            return Pose((x, y, z), None)
        qx, qy, qz, qw = self.quat_xyzw[index].tolist()
        return Pose((x, y, z), (qx, qy, qz, qw))


def write_frame_table(path: Path, rows: Iterable[FrameRow]) -> None:
    """Write the table with its header line."""
    path.unlink(missing_ok=True)  # a new file: the old one may be what a running node reads, or a link
    # A file name that is not UTF-8 is written as Python shows it: half a table would be worse.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([number, *row.fields()] for number, row in enumerate(rows))


def write_frame_numbers(path: Path, frames: int) -> tuple[str, ...]:
    """Write the numbers of the table of so many *frames* at *path* beside it once more, as numpy reads them.

    The table is what counts; to read a million of its lines takes three seconds, to read these a tenth.

    Returns:
        The names of both files; of a short table its own alone, and no other is written.
    """
    numbers = path.with_name(NUMBERS_NAME)
    numbers.unlink(missing_ok=True)
    if frames < MANY_FRAMES:
        return (path.name,)
    with numbers.open("wb") as stream:
        np.lib.format.write_array(stream, _read_numbers(path), allow_pickle=False)  # type: ignore[no-untyped-call]
    return path.name, NUMBERS_NAME


def read_frame_numbers(path: Path, frames: int) -> npt.NDArray[Any]:
    """Map what ``write_frame_numbers`` wrote.

    Raises:
        MapError: it is another file, or of another number of frames.
    """
    return map_array(path, (frames,), _NUMBERS)


def read_frame_table(path: Path, camera_names: tuple[str, ...], numbers: npt.NDArray[Any] | None = None) -> FrameTable:
    """Read the table; where its *numbers* are known, see ``read_frame_numbers``, only where its lines begin.

    Raises:
        MapError: it cannot be read, another header, a field that is no number, a position that is not finite or
            beyond a million kilometres, a quaternion without length, or a camera the manifest does not list.
    """
    with map_errors(path):
        rows = _read_numbers(path) if numbers is None else numbers
        lines = FrameLines(path, len(rows)) if len(rows) >= MANY_FRAMES else None
    position_m = np.stack([rows[name] for name in COLUMNS[4:7]], axis=1)
    quat_xyzw = np.stack([rows[name] for name in COLUMNS[7:11]], axis=1)
    with np.errstate(over="ignore"):
        length = np.linalg.norm(quat_xyzw, axis=1, keepdims=True)
    wrong = ~(np.abs(position_m) <= LARGEST_POSITION_M).all(axis=1) | (rows["id"] != np.arange(len(rows)))
    wrong |= (length[:, 0] < 1e-6) | np.isinf(length[:, 0])
    wrong |= (rows["camera"] < 0) | (rows["camera"] >= len(camera_names)) | (rows["session"] < 0)
    if wrong.any():
        raise MapError(f"{path}: {wrong.sum()} lines are damaged, the first is frame {int(wrong.argmax())}", DAMAGED)
    return FrameTable(
        path=path,
        stamp_ns=np.ascontiguousarray(rows["stamp_ns"]),
        session=np.ascontiguousarray(rows["session"]),
        camera_index=np.ascontiguousarray(rows["camera"]),
        position_m=position_m,
        quat_xyzw=quat_xyzw / length,
        camera_names=camera_names,
        lines=lines,
    )


def _read_numbers(path: Path) -> npt.NDArray[Any]:
    with path.open(encoding="utf-8") as stream, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # numpy 1 takes 1e99 for a whole number, and warns
        lines = _lines(stream)
        header = next(lines, "").rstrip("\n")
        if header != ",".join(COLUMNS):
            raise MapError(f"{path}: header {header[:200]!r}, expected {','.join(COLUMNS)!r}", DAMAGED)
        first = next(lines, None)  # numpy warns of a table without lines
        if first is None:
            return np.empty(0, _NUMBERS)
        lines = chain([first], lines)
        try:
            return np.loadtxt(
                lines, dtype=_NUMBERS, delimiter=",", usecols=range(11), comments=None, quotechar='"', ndmin=1
            )
        except DeprecationWarning as error:
            raise ValueError("a number that is not whole where a whole one belongs") from error


def _lines(stream: TextIO) -> Iterator[str]:
    """The lines of a file, none of them longer than any we wrote: a gigabyte without an end of line is no line."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise ValueError(f"a line of more than {LONGEST_LINE} characters")
        yield line
