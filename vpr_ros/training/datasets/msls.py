# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Mapillary Street-Level Sequences (Warburg et al., CVPR 2020), unpacked as published (docs/methods.md 5.3).

``ROOT/train_val/CITY/{query,database}/{postprocessed,raw,seq_info,subtask_index}.csv`` and ``.../images/KEY.jpg``.
"MSLS-val" names several tests; each class below says in its ``protocol`` which one it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.evaluation.positives_by_distance import PoseThreshold, positives_by_distance
from vpr_ros.evaluation.positives_csv import read_positives
from vpr_ros.training.csv_table import as_flags, as_numbers, read_columns
from vpr_ros.training.image_sets import EvaluationData, ImageFiles, RetrievalSet, TupleData, TupleImages
from vpr_ros.training.tuple_positions import Placement

TRAIN_CITIES = (
    "trondheim", "london", "boston", "melbourne", "amsterdam", "helsinki", "tokyo", "toronto", "saopaulo", "moscow",
    "zurich", "paris", "bangkok", "budapest", "austin", "berlin", "ottawa", "phoenix", "goa", "amman", "nairobi",
    "manila",
)  # fmt: skip
VAL_CITIES = ("cph", "sf")

_FAR_M = 1e8
"""UTM coordinates of different zones overlap; a third coordinate keeps the cities apart."""


@dataclass(frozen=True, eq=False)
class _Side:
    """All images of one side (query or database) of several cities, panoramas left out."""

    names: list[str]
    position_m: npt.NDArray[np.float64]
    in_task: npt.NDArray[np.bool_]

    def files(self, root: Path, keep: npt.NDArray[np.bool_] | None = None) -> ImageFiles:
        kept = self.names if keep is None else [n for n, k in zip(self.names, keep, strict=True) if k]
        return ImageFiles(root / "train_val", kept)


class MslsVal740(EvaluationData):
    """The 740-query validation set of most papers since 2023.

    Queries and database are what ``subtask_index.csv`` marks with "all", without panoramas; positives lie within
    25 m; queries without any are dropped (7 of 747), as in the authors' tool.

    Args:
        root: folder that holds ``train_val``.
        positives_csv: columns ``query`` and ``positives`` with image keys, such as the lists that travel with
            gsv-cities and SALAD turned into text (docs/datasets.md); found by distance where not given.
        cities: which.
    """

    def __init__(self, root: Path, positives_csv: Path | None = None, cities: Sequence[str] = VAL_CITIES) -> None:
        self.root = Path(root)
        self.positives_csv = positives_csv
        self.cities = tuple(cities)

    def open(self) -> RetrievalSet:
        """Read the tables and find the positives.

        Raises:
            TrainingError: a missing file or column.
            SourceError: a list of positives that does not fit the images.
        """
        database = _read_side(self.root, self.cities, "database", subtask=True)
        queries = _read_side(self.root, self.cities, "query", subtask=True)
        base = [n for n, keep in zip(database.names, database.in_task, strict=True) if keep]
        asked = [n for n, keep in zip(queries.names, queries.in_task, strict=True) if keep]
        if self.positives_csv is not None:
            positives = read_positives(Path(self.positives_csv), base, asked).positives
        else:
            positives = positives_by_distance(
                database.position_m[database.in_task], queries.position_m[queries.in_task], PoseThreshold(25.0)
            )
        answerable = positives.answerable
        kept = [name for name, keep in zip(asked, answerable, strict=True) if keep]
        protocol = (
            f"MSLS-val, the 740-query protocol ({', '.join(self.cities)}): subtask all, no panoramas, positives "
            f"{positives.rule}, {len(asked) - len(kept)} queries without positive dropped (published: 18 871 database "
            f"images, 740 queries; here {len(base)} and {len(kept)})"
        )
        folder = self.root / "train_val"
        return RetrievalSet(
            "msls-val-740", protocol, ImageFiles(folder, base), ImageFiles(folder, kept), positives.subset(answerable)
        ).checked()


class MslsValBenchmark(EvaluationData):
    """The validation set of the deep-visual-geo-localization benchmark: about 11 000 queries.

    All images without panoramas of Copenhagen and San Francisco, correct within 25 m, queries without positive stay
    in the denominator. For images already moved into the benchmark's folders use ``VprFolder``.

    Args:
        root: folder that holds ``train_val``.
        cities: which.
    """

    def __init__(self, root: Path, cities: Sequence[str] = VAL_CITIES) -> None:
        self.root = Path(root)
        self.cities = tuple(cities)

    def open(self) -> RetrievalSet:
        """Read the tables and find the positives.

        Raises:
            TrainingError: a missing file or column.
        """
        database = _read_side(self.root, self.cities, "database")
        queries = _read_side(self.root, self.cities, "query")
        positives = positives_by_distance(database.position_m, queries.position_m, PoseThreshold(25.0))
        protocol = (
            f"MSLS-val, the benchmark's protocol ({', '.join(self.cities)}): all images but panoramas, correct within "
            f"25 m, heading not checked, queries without positive are misses "
            f"(here {len(database.names)} database images, {len(queries.names)} queries)"
        )
        return RetrievalSet(
            "msls-val-benchmark", protocol, database.files(self.root), queries.files(self.root), positives
        ).checked()


class MslsTuples(TupleData):
    """Training queries and database of the 22 training cities, for the triplet ranking loss.

    Args:
        root: folder that holds ``train_val``.
        cities: which.
    """

    def __init__(self, root: Path, cities: Sequence[str] = TRAIN_CITIES) -> None:
        self.root = Path(root)
        self.cities = tuple(cities)

    def open(self) -> TupleImages:
        """Read the tables.

        Raises:
            TrainingError: a missing file or column.
        """
        database = _read_side(self.root, self.cities, "database")
        queries = _read_side(self.root, self.cities, "query")
        description = (
            f"MSLS, {len(self.cities)} training cities, {len(queries.names)} queries, {len(database.names)} database "
            f"images, no panoramas"
        )
        return TupleImages(
            description,
            queries.files(self.root),
            database.files(self.root),
            Placement(queries.position_m),
            Placement(database.position_m),
        )


def _read_side(root: Path, cities: Sequence[str], side: str, subtask: bool = False) -> _Side:
    names: list[str] = []
    positions: list[npt.NDArray[np.float64]] = []
    marks: list[npt.NDArray[np.bool_]] = []
    for number, city in enumerate(cities):
        folder = root / "train_val" / city / side
        post = read_columns(folder / "postprocessed.csv", ("key", "easting", "northing"))
        raw = read_columns(folder / "raw.csv", ("key", "pano"))
        if post["key"] != raw["key"]:
            raise TrainingError(
                f"{folder}: postprocessed.csv and raw.csv list different images "
                f"({len(post['key'])} and {len(raw['key'])} rows)",
                "Restore both files from the same release of MSLS",
            )
        flat = ~as_flags(raw["pano"])
        mark: npt.NDArray[np.bool_] = np.ones(len(flat), dtype=np.bool_)
        if subtask:
            mark = as_flags(read_columns(folder / "subtask_index.csv", ("all",))["all"])
            if len(mark) != len(flat):
                raise TrainingError(
                    f"{folder}: subtask_index.csv has {len(mark)} rows, postprocessed.csv {len(flat)}",
                    "Restore both files from the same release of MSLS",
                )
        utm = [as_numbers(post[axis], folder / "postprocessed.csv", axis) for axis in ("easting", "northing")]
        positions.append(np.stack([*utm, np.full(len(flat), number * _FAR_M)], axis=1)[flat])
        names += [f"{city}/{side}/images/{key}.jpg" for key, keep in zip(post["key"], flat, strict=True) if keep]
        marks.append(mark[flat])
    return _Side(names, np.concatenate(positions), np.concatenate(marks))
