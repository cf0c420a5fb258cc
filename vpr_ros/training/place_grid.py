# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Poses to place labels: the grid of CosPlace (Berton et al., CVPR 2022) for any drive with poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.tuple_positions import Placement

IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PlaceGrid:
    """How the world is cut into places, and places into groups.

    A place is a cell of the ground, a sector of headings and a floor. Cells that touch may show the same wall, so a
    batch is drawn from a group: of every ``separation`` neighbouring cells, sectors and floors only one belongs to
    it, and different places of a group are really different.

    Attributes:
        cell_m: side of a cell.
        sector_deg: width of a heading sector; images with unknown heading share one sector.
        floor_m: height of a floor.
        separation: cells per direction of which one belongs to a group.
    """

    cell_m: float = 10.0
    sector_deg: float = 60.0
    floor_m: float = 3.0
    separation: int = 2

    def __post_init__(self) -> None:
        """Refuse what is no grid.

        Raises:
            TrainingError: a size that is not positive, or sectors that do not fill the circle.
        """
        if min(self.cell_m, self.floor_m) <= 0 or self.separation < 1:
            raise TrainingError(f"{self} needs positive sizes", "Give cell_m and floor_m in metres, separation from 1")
        if self.sector_deg <= 0 or 360 % (self.sector_deg * self.separation):
            raise TrainingError(
                f"sector_deg {self.sector_deg:g} x separation {self.separation} does not divide 360 degrees",
                "Give for example sector_deg 60 with separation 2",
            )

    def label(self, placement: Placement, camera: IndexArray | None = None) -> tuple[IndexArray, IndexArray]:
        """Return place ids (N,) and groups (N,).

        Args:
            placement: positions (N, 2 or 3) and headings of the images.
            camera: (N,) number of the camera, where different cameras must not share a place because nobody knows
                which way each looks.
        """
        position_m = np.asarray(placement.position_m, dtype=np.float64)
        cells = [np.floor(position_m[:, axis] / self.cell_m) for axis in (0, 1)]
        floor = (
            np.floor(position_m[:, 2] / self.floor_m + 0.5) if position_m.shape[1] > 2 else np.zeros(len(position_m))
        )
        heading = placement.heading_rad if placement.heading_rad is not None else np.full(len(position_m), np.nan)
        # centred on the axes, along which buildings and their robots run
        sector = np.floor(np.rad2deg(heading) % 360 / self.sector_deg + 0.5) % (360 / self.sector_deg)
        keys = np.stack([*cells, floor, np.nan_to_num(sector, nan=0.0)], axis=1).astype(np.int64)
        cameras = np.zeros((len(keys), 1), dtype=np.int64) if camera is None else camera.reshape(-1, 1)
        places = np.unique(np.hstack([keys, cameras]), axis=0, return_inverse=True)[1]
        groups = np.unique(np.hstack([keys % self.separation, cameras]), axis=0, return_inverse=True)[1]
        return places.reshape(-1).astype(np.int64), groups.reshape(-1).astype(np.int64)
