# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Poses in file names: ``@utm_east@utm_north@...jpg``, the layout of the VPR benchmark data sets.

Fields: UTM east, UTM north, zone number, zone letter, latitude, longitude, panorama id, tile number, heading, pitch,
roll, height, timestamp, note. Later ones may be missing or empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.core.printable import printable

ZONE_NUMBER_FIELD, ZONE_LETTER_FIELD, PANORAMA_FIELD, HEADING_FIELD = 2, 3, 6, 8
_SOUTHERN_BANDS: Final = frozenset("CDEFGHJKLM")


def has_vpr_names(images: Sequence[Path]) -> bool:
    """Whether every name begins with ``@``."""
    return all(image.name.startswith("@") for image in images)


def poses_of_names(images: Sequence[Path]) -> list[Pose]:
    """Read every name; see ``pose_of_name``.

    Raises:
        SourceError: a name holds no two numbers, or the metres of two names are of different UTM zones.
    """
    poses = [pose_of_name(image) for image in images]
    _refuse_two_zones(images)
    return poses


def pose_of_name(image: Path) -> Pose:
    """Read UTM metres and, where given, the heading (degrees clockwise from north) as yaw from east.

    Raises:
        SourceError: the name holds no two numbers.
    """
    fields = _fields(image)
    try:
        east_m, north_m = float(fields[0]), float(fields[1])
    except (IndexError, ValueError) as error:
        raise SourceError(f"{image.name} is not named @utm_east@utm_north@...", "Rename it or remove it") from error
    try:
        yaw_rad = math.radians(90.0 - float(_field(fields, HEADING_FIELD)))
    except ValueError:
        yaw_rad = math.nan
    if not math.isfinite(yaw_rad):
        return Pose((east_m, north_m, 0.0), None)
    return Pose.from_rotation((east_m, north_m, 0.0), Rotation.from_euler("z", yaw_rad))


def panorama_of_name(image: Path) -> str:
    """What the name calls the panorama that the image is a crop of; "" where it does not say."""
    return _field(_fields(image), PANORAMA_FIELD)


def _refuse_two_zones(images: Sequence[Path]) -> None:
    """East starts anew in each zone, and north on the southern half: distances between two of them mean nothing.

    Bands of latitude (letters) of one half share their origin. Where the only letters are N and S, they mean the half.
    """
    fields = [_fields(image) for image in images]
    letters = {_field(found, ZONE_LETTER_FIELD).upper() for found in fields} - {""}
    southern = {"S"} if letters == {"N", "S"} else _SOUTHERN_BANDS
    zones: dict[tuple[str, str], list[str]] = {}
    for image, found in zip(images, fields, strict=True):
        number = _field(found, ZONE_NUMBER_FIELD).lstrip("0")
        letter = _field(found, ZONE_LETTER_FIELD).upper()
        half = "" if not letter else "south" if letter in southern else "north"
        zones.setdefault((number, half), []).append(image.name)
    numbers = {number for number, _ in zones} - {""}
    halves = {half for _, half in zones} - {""}
    if len(numbers) > 1 or len(halves) > 1:
        listed = "; ".join(
            f"{len(names)} in zone {number or 'unknown'}{' ' if half else ''}{half}, {printable(names[0])} for one"
            for (number, half), names in sorted(zones.items())
        )
        raise SourceError(
            f"the file names hold metres of more than one UTM zone: {listed}",
            "Move the images of each zone to a folder of their own and build a map of each, or give positions of one "
            "frame with --poses FILE (a CSV with file,lat,lon)",
        )


def _fields(image: Path) -> list[str]:
    return image.stem.split("@")[1:]


def _field(fields: Sequence[str], index: int) -> str:
    return fields[index].strip() if len(fields) > index else ""
