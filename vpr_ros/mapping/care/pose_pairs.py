# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pairs of poses of one place in two frames, as people write them: on the command line, as CSV or as YAML."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.files import parse_yaml, read_text
from vpr_ros.core.pose import Pose
from vpr_ros.maps.manifest_values import LARGEST_POSITION_M

LARGEST_FILE_BYTES: Final = 1 << 20
MOST_PAIRS: Final = 1000
FORMS: Final = {2: "x y", 3: "x y yaw", 7: "x y z qx qy qz qw"}
"""Metres and degrees; the first two lie in the plane."""
_REMEDY: Final = (
    "Give each pair as a pose in the grid and the same one in the map, both as x y, as x y yaw (metres, degrees) or as "
    "x y z qx qy qz qw"
)


@dataclass(frozen=True)
class PosePair:
    """One place in two frames.

    Attributes:
        in_grid, in_map: its pose in each; orientations may be unknown.
        is_planar: whether it was given in the plane.
    """

    in_grid: Pose
    in_map: Pose
    is_planar: bool


def pair_of(in_grid: Sequence[float], in_map: Sequence[float], where: str) -> PosePair:
    """A pair of numbers as people write them; *where* names it in errors.

    Raises:
        ConfigError: another count of numbers, not the same on both sides, or one that is not finite.
    """
    if len(in_grid) != len(in_map) or len(in_grid) not in FORMS:
        raise ConfigError(f"{where} has {len(in_grid)} numbers in the grid and {len(in_map)} in the map", _REMEDY)
    poses = _pose(in_grid), _pose(in_map)
    if not all(pose.is_finite and max(map(abs, pose.position_m)) <= LARGEST_POSITION_M for pose in poses):
        raise ConfigError(f"{where} has a number that no pose has, or a quaternion without length", _REMEDY)
    return PosePair(*poses, is_planar=len(in_grid) < max(FORMS))


def read_pairs(path: Path) -> list[PosePair]:
    """Read a file of pairs.

    CSV has one pair a line, the grid's numbers first, with or without a header; YAML a list of tables with ``grid`` and
    ``map``.

    Raises:
        ConfigError: it cannot be read, or a pair is none.
    """
    pairs = _read(path)
    if len(pairs) > MOST_PAIRS:
        raise ConfigError(f"{path} has {len(pairs)} pairs", f"Give {MOST_PAIRS} at most")
    return pairs


def _read(path: Path) -> list[PosePair]:
    content = read_text(path, ConfigError, LARGEST_FILE_BYTES)
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        return _from_yaml(parse_yaml(content, str(path), ConfigError), path)
    pairs = []
    for number, row in enumerate(csv.reader(content.splitlines()), start=1):
        fields = [field.strip() for field in row]
        if not any(fields) or fields[0].startswith("#") or (number == 1 and not _is_number(fields[0])):
            continue
        pairs.append(_split(fields, f"line {number} of {path}"))
    return pairs


def _split(fields: Sequence[str], where: str) -> PosePair:
    numbers = _numbers(fields, where)
    half = len(numbers) // 2
    return pair_of(numbers[:half], numbers[half:], where)


def _from_yaml(plain: Any, path: Path) -> list[PosePair]:
    if not isinstance(plain, list):
        raise ConfigError(f"{path} holds no list of pairs", _REMEDY)
    pairs = []
    for number, entry in enumerate(plain, start=1):
        where = f"pair {number} of {path}"
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), list) for key in ("grid", "map")):
            raise ConfigError(f"{where} is no table with the lists grid and map", _REMEDY)
        pairs.append(pair_of(_numbers(entry["grid"], where), _numbers(entry["map"], where), where))
    return pairs


def _numbers(fields: Sequence[Any], where: str) -> list[float]:
    if not all(_is_number(field) for field in fields):
        raise ConfigError(f"{where} has a field that is no number", _REMEDY)
    return [float(field) for field in fields]


def _is_number(field: Any) -> bool:
    if isinstance(field, bool):
        return False
    try:
        float(field)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _pose(numbers: Sequence[float]) -> Pose:
    if len(numbers) == max(FORMS):
        x, y, z, qx, qy, qz, qw = numbers
        length = math.hypot(qx, qy, qz, qw)
        scale = 1.0 / length if 0.0 < length < math.inf else math.nan
        return Pose((x, y, z), (qx * scale, qy * scale, qz * scale, qw * scale))
    if not all(map(math.isfinite, numbers)):
        return Pose((math.nan, 0.0, 0.0), None)
    if len(numbers) == 2:
        return Pose((numbers[0], numbers[1], 0.0), None)
    return Pose.from_xy_yaw(numbers[0], numbers[1], math.radians(numbers[2]))
