# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Data sets in the layout of the deep-visual-geo-localization benchmark: Pitts30k, Pitts250k, MSLS, SF-XL, ...

``ROOT/images/{train,val,test}/{database,queries}/@easting@northing@...jpg``, as VPR-datasets-downloader writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.evaluation.positives_by_distance import PoseThreshold, positives_by_distance
from vpr_ros.training.image_sets import EvaluationData, ImageFiles, RetrievalSet, TupleData, TupleImages, image_names
from vpr_ros.training.tuple_positions import Placement

Split = Literal["train", "val", "test"]

_STAMP_FIELD = 13


def utm_of_names(names: list[str], folder: Path) -> npt.NDArray[np.float64]:
    """Read easting and northing (N, 2) in metres from names ``@easting@northing@...``.

    Raises:
        TrainingError: a name without them.
    """
    positions_m = np.empty((len(names), 2))
    for row, name in enumerate(names):
        fields = Path(name).name.split("@")
        try:
            positions_m[row] = float(fields[1]), float(fields[2])
        except (IndexError, ValueError) as error:
            raise TrainingError(
                f"{folder / name} does not say where it was taken, expected a name like @0582870.12@4476543.21@...jpg",
                "Write the data set with VPR-datasets-downloader, or describe it by a CSV trajectory and use Drives",
            ) from error
    return positions_m


class VprFolder(EvaluationData):
    """A split as a retrieval task: correct within a radius, whatever the heading.

    Args:
        root: folder that holds ``images``.
        split: which.
        name: for tables; the folder's name and split where empty.
        radius_m: 25 m for Pitts30k, Pitts250k and the benchmark's version of MSLS.
    """

    def __init__(self, root: Path, split: Split = "val", name: str = "", radius_m: float = 25.0) -> None:
        self.folder = Path(root) / "images" / split
        self.name = name or f"{Path(root).name}-{split}"
        self.radius_m = radius_m

    def open(self) -> RetrievalSet:
        """List the images and find the positives; queries without one stay and count as misses.

        Raises:
            TrainingError: no images, or a name without a position.
        """
        sides = {side: image_names(self.folder / side) for side in ("database", "queries")}
        positions = {side: utm_of_names(names, self.folder / side) for side, names in sides.items()}
        positives = positives_by_distance(positions["database"], positions["queries"], PoseThreshold(self.radius_m))
        protocol = (
            f"{self.name} in the benchmark's folder layout: {len(sides['database'])} database images, "
            f"{len(sides['queries'])} queries, correct within {self.radius_m:g} m, heading not checked, "
            f"queries without positive are misses"
        )
        files = {side: ImageFiles(self.folder / side, names) for side, names in sides.items()}
        return RetrievalSet(self.name, protocol, files["database"], files["queries"], positives).checked()


class VprFolderTuples(TupleData):
    """The training split as queries and database for the triplet ranking loss.

    Args:
        root: folder that holds ``images``.
        split: which.
        use_stamps: positives must bear another time stamp than the query (Tokyo Time Machine).
    """

    def __init__(self, root: Path, split: Split = "train", use_stamps: bool = False) -> None:
        self.folder = Path(root) / "images" / split
        self.name = f"{Path(root).name}-{split}"
        self.use_stamps = use_stamps

    def open(self) -> TupleImages:
        """List the images.

        Raises:
            TrainingError: no images, or a name without a position.
        """
        files, placements = {}, {}
        for side in ("database", "queries"):
            names = image_names(self.folder / side)
            if not names:
                raise TrainingError(f"no images in {self.folder / side}", "Check how the data set was unpacked")
            files[side] = ImageFiles(self.folder / side, names)
            placements[side] = Placement(utm_of_names(names, self.folder / side), stamp=self._stamps(names))
        description = f"{self.name}, {len(files['queries'])} queries, {len(files['database'])} database images"
        return TupleImages(
            description, files["queries"], files["database"], placements["queries"], placements["database"]
        )

    def _stamps(self, names: list[str]) -> npt.NDArray[np.int64] | None:
        if not self.use_stamps:
            return None
        fields = [Path(name).name.split("@") for name in names]
        digits = ["".join(filter(str.isdigit, f[_STAMP_FIELD])) if len(f) > _STAMP_FIELD else "" for f in fields]
        return np.array([int(d or -1) for d in digits], dtype=np.int64)
