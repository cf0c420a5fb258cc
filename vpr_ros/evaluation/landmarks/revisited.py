# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The ground truth of ROxford5k and RParis6k, read from JSON (docs/methods.md 7.7).

The authors publish it as a pickle, which is a program: nothing here runs it. Its owner converts it elsewhere, see
docs/datasets.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.files import parse_json, read_text

IndexArray = npt.NDArray[np.int64]
Setup = Literal["easy", "medium", "hard"]
SETUPS: Final[tuple[Setup, ...]] = get_args(Setup)
LARGEST_TRUTH_BYTES: Final = 1 << 26
_POSITIVE: Final[Mapping[Setup, tuple[str, ...]]] = {"easy": ("easy",), "medium": ("easy", "hard"), "hard": ("hard",)}
_JUNK: Final[Mapping[Setup, tuple[str, ...]]] = {
    "easy": ("junk", "hard"),
    "medium": ("junk",),
    "hard": ("junk", "easy"),
}
_REMEDY = "Convert the authors' file as docs/datasets.md says"


@dataclass(frozen=True, eq=False)
class Labels:
    """Database images of one query by how they are labelled; every other image is wrong.

    Attributes:
        easy, hard, junk: indices into the database.
    """

    easy: IndexArray
    hard: IndexArray
    junk: IndexArray

    def positives_of(self, setup: Setup) -> IndexArray:
        """Images that are right."""
        return np.concatenate([getattr(self, name) for name in _POSITIVE[setup]])

    def junk_of(self, setup: Setup) -> IndexArray:
        """Images that are taken out of the ranking."""
        return np.concatenate([getattr(self, name) for name in _JUNK[setup]])


@dataclass(frozen=True, eq=False)
class RevisitedTruth:
    """A revisited set.

    Attributes:
        database, queries: names of the images, without the ``.jpg``.
        labels: of each query.
        boxes_xyxy: (Q, 4) float64, what each query shows, in pixels.
    """

    database: tuple[str, ...]
    queries: tuple[str, ...]
    labels: tuple[Labels, ...]
    boxes_xyxy: npt.NDArray[np.float64]


def read_truth(path: Path) -> RevisitedTruth:
    """Read the converted ground truth: ``imlist``, ``qimlist`` and ``gnd`` as the authors name them.

    Raises:
        ConfigError: no such file, a pickle, or something else than described.
    """
    if path.suffix == ".pkl":
        raise ConfigError(f"{path} is a pickle, which is a program and is not run here", _REMEDY)
    content = parse_json(read_text(path, limit_bytes=LARGEST_TRUTH_BYTES), str(path), most=LARGEST_TRUTH_BYTES)
    missing = [key for key in ("imlist", "qimlist", "gnd") if not isinstance(content, dict) or key not in content]
    if missing:
        raise ConfigError(f"{path} has no {', '.join(missing)}", _REMEDY)
    database, queries = (_names(content[key], f"{path}: {key}") for key in ("imlist", "qimlist"))
    entries = content["gnd"]
    if not isinstance(entries, list) or len(entries) != len(queries):
        raise ConfigError(f"{path} labels another number of queries than the {len(queries)} it names", _REMEDY)
    labels = tuple(_labels(entry, len(database), f"{path}: query {n}") for n, entry in enumerate(entries))
    boxes = np.array([_box(entry, f"{path}: query {n}") for n, entry in enumerate(entries)]).reshape(-1, 4)
    return RevisitedTruth(database, queries, labels, boxes)


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ConfigError(f"{where} is no list of names", _REMEDY)
    outside = next((name for name in value if Path(name).is_absolute() or ".." in Path(name).parts), None)
    if outside is not None:
        raise ConfigError(f"{where} names {outside!r}, which leads out of the folder of images", _REMEDY)
    return tuple(value)


def _labels(entry: Any, database: int, where: str) -> Labels:
    kinds = [entry.get(kind, []) if isinstance(entry, dict) else None for kind in ("easy", "hard", "junk")]
    if not all(_are_indices(kind, database) for kind in kinds):
        raise ConfigError(f"{where}: easy, hard and junk must be lists of numbers from 0 to {database - 1}", _REMEDY)
    easy, hard, junk = (np.array(kind, dtype=np.int64) for kind in kinds)
    return Labels(easy, hard, junk)


def _are_indices(values: Any, count: int) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < count for v in values)


def _box(entry: Mapping[str, Any], where: str) -> Sequence[float]:
    box = entry.get("bbx")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
        raise ConfigError(f"{where}: bbx must be four numbers", _REMEDY)
    if not np.isfinite(box).all() or not (box[0] < box[2] and box[1] < box[3]):
        raise ConfigError(f"{where}: bbx {box} is no box from left top to right bottom", _REMEDY)
    return box
