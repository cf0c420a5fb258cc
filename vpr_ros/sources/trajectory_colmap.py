# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""COLMAP ``images.txt``: two lines for each image, its pose with its name, and its points.

``IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME``, where NAME is all that follows the ninth blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.text_lines import is_file, is_number, numbers
from vpr_ros.sources.trajectory import Trajectory

Lines = Sequence[tuple[int, str]]

_COLUMNS: Final = 10
_HEADER: Final = re.compile(r"#\s*IMAGE_ID\W+QW\W", re.IGNORECASE)
_POINT_NUMBERS: Final = 3


def is_colmap(path: Path, lines: Lines) -> bool:
    """Whether *lines* are those of an ``images.txt``: by its comment, the file beside it, or a name after 9 numbers."""
    if any(_HEADER.match(line) for _, line in lines if line.startswith("#")):
        return True
    first = next((line for _, line in lines if line.strip() and not line.startswith("#")), "")
    cells = _cells(first)
    if len(cells) < _COLUMNS or not all(map(is_number, cells[:-1])):
        return False
    named_so = path.name == "images.txt" and is_file(path.parent / "cameras.txt")
    return named_so or not all(map(is_number, cells[-1].split()))


def read_colmap(path: Path, lines: Lines) -> Trajectory:
    """Read poses by image name. COLMAP writes world to camera; the inverse is kept.

    Raises:
        SourceError: no image, a line that is none of an image, or a name that comes twice.
    """
    named: dict[str, Pose] = {}
    for number, line in _image_lines(lines):
        cells = _cells(line)
        if len(cells) < _COLUMNS:
            raise SourceError(
                f"{path}: line {number} is {line[:80]!r}, expected IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME",
                "Export images.txt again: each image has a line, and a line of its points after it",
            )
        _, qw, qx, qy, qz, x, y, z, _ = numbers(path, number, cells[:-1], _COLUMNS - 1)
        T_camera_world = Pose((x, y, z), (qx, qy, qz, qw))
        name = cells[-1]
        if not T_camera_world.is_finite:
            raise SourceError(
                f"{path}: line {number} gives {name[:80]} the pose {' '.join(cells[1:8])[:120]}, expected "
                "finite numbers and a quaternion that is not zero",
                "Remove the image from the model and export images.txt again, or remove its two lines",
            )
        if name in named:
            raise SourceError(
                f"{path}: line {number} names {name[:80]!r}, which was named before", "Remove one of them"
            )
        named[name] = T_camera_world.inverse()
    if not named:
        raise SourceError(f"{path} holds no image", "Export images.txt again from a model with registered images")
    return Trajectory("COLMAP", named=named)


def _image_lines(lines: Lines) -> Iterator[tuple[int, str]]:
    """The first line of each pair. The second may be empty, and some writers leave it out where it is."""
    points_next = False
    for number, line in lines:
        if points_next and (not line.strip() or _is_points(line)):
            points_next = False
        elif line.strip() and not line.startswith("#"):
            points_next = True
            yield number, line


def _is_points(line: str) -> bool:
    """X, Y and the number of a point, again and again. An image has 10 columns or more, and its name may be numbers."""
    cells = line.split()
    return len(cells) % _POINT_NUMBERS == 0 and all(map(is_number, cells))


def _cells(line: str) -> list[str]:
    return re.split(r"[ \t]+", line.strip(" \t"), maxsplit=_COLUMNS - 1)
