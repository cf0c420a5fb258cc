"""Simulated towns as training and evaluation data: several drives through each, every one in other conditions.

Images are rendered when they are loaded. For many epochs record the drives once with ``simulate`` and use ``drives``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.simulation.camera import PinholeCamera
from vpr_ros.simulation.conditions import conditions_named
from vpr_ros.simulation.drive import DrivePlan
from vpr_ros.simulation.source import SimulatedSource
from vpr_ros.simulation.town import Town
from vpr_ros.training.image_sets import (
    EvaluationData,
    ImageListChain,
    IndexArray,
    PlaceData,
    PlaceImages,
    RetrievalSet,
)
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.posed_images import label_places, posed_images, retrieval_set

_RATE_HZ = 2.0


@dataclass(frozen=True)
class TownDrives:
    """How simulated towns are driven through.

    Attributes:
        spacing_m: between two images.
        distance_m: of each drive; once through all streets where None.
        width_px, height_px: of the images.
        blocks: of houses in each direction.
        lateral_offset_m: largest offset from the middle of the lane; every drive draws its own.
    """

    spacing_m: float = 2.0
    distance_m: float | None = None
    width_px: int = 320
    height_px: int = 240
    blocks: int = 3
    lateral_offset_m: float = 0.5

    def source(self, town: Town, conditions: str, number: int) -> SimulatedSource:
        """Return drive *number* through *town*; the number decides traffic, weather, noise and offset.

        Raises:
            ConfigError: unknown conditions.
        """
        offset_m = np.random.default_rng([town.seed, number]).uniform(-self.lateral_offset_m, self.lateral_offset_m)
        plan = DrivePlan(
            route_seed=town.seed,
            speed_mps=self.spacing_m * _RATE_HZ,
            rate_hz=_RATE_HZ,
            lateral_offset_m=float(offset_m),
            jitter_seed=number,
            distance_m=self.distance_m,
        )
        seen = conditions_named(conditions).changed(traffic_seed=number, weather_seed=number)
        camera = PinholeCamera.from_fov(self.width_px, self.height_px)
        return SimulatedSource(town, plan, camera, seen, seed=number)

    def town(self, seed: int) -> Town:
        """Return the town of this seed."""
        return Town(seed, self.blocks, self.blocks)


class TownPlaces(PlaceData):
    """Towns cut into places by distance and heading; each town is driven through once per condition.

    Args:
        towns: seeds; use other ones for evaluation.
        conditions: names of presets, such as day, night, fog, winter.
        drives: see ``TownDrives``.
        grid: see ``PlaceGrid``.
        min_images_per_place: places with fewer images are left out.
    """

    def __init__(
        self,
        towns: Sequence[int],
        conditions: Sequence[str] = ("day", "overcast", "dusk", "night", "winter"),
        drives: TownDrives | None = None,
        grid: PlaceGrid | None = None,
        min_images_per_place: int = 4,
    ) -> None:
        self.towns = tuple(towns)
        self.conditions = tuple(conditions)
        self.drives = drives or TownDrives()
        self.grid = grid or PlaceGrid()
        self.min_images_per_place = min_images_per_place

    def open(self) -> PlaceImages:
        """Plan all drives; nothing is rendered yet.

        Raises:
            ConfigError: unknown conditions.
            TrainingError: no place with enough images.
        """
        parts = [self._town(seed) for seed in self.towns]
        return PlaceImages(
            f"{len(parts)} simulated towns in {', '.join(self.conditions)}: {sum(len(p.images) for p in parts)} images",
            ImageListChain([part.images for part in parts]),
            _numbered_on([part.place_ids for part in parts]),
            _numbered_on([part.groups for part in parts]),
        )

    def _town(self, seed: int) -> PlaceImages:
        town = self.drives.town(seed)
        sources = [self.drives.source(town, name, number) for number, name in enumerate(self.conditions)]
        return label_places(posed_images(sources), self.grid, self.min_images_per_place)


class TownRetrieval(EvaluationData):
    """One drive through a town as map, another in other conditions as queries.

    Args:
        town: seed.
        database_conditions, query_conditions: names of presets.
        drives: see ``TownDrives``.
        radius_m: a map frame within this distance is correct,
        angle_deg: and within this angle, where given.
        name: for tables.
    """

    def __init__(
        self,
        town: int,
        database_conditions: str = "day",
        query_conditions: str = "night",
        drives: TownDrives | None = None,
        radius_m: float = 5.0,
        angle_deg: float | None = 45.0,
        name: str = "",
    ) -> None:
        self.seed = town
        self.conditions = database_conditions, query_conditions
        self.drives = drives or TownDrives()
        self.threshold = PoseThreshold(radius_m, None if angle_deg is None else float(np.deg2rad(angle_deg)))
        self.name = name or f"town{town}-{database_conditions}-{query_conditions}"

    def open(self) -> RetrievalSet:
        """Plan both drives; nothing is rendered yet.

        Raises:
            ConfigError: unknown conditions.
        """
        town = self.drives.town(self.seed)
        # numbers of drives no training set of this town uses
        sides = [posed_images([self.drives.source(town, c, 1000 + n)]) for n, c in enumerate(self.conditions)]
        return retrieval_set(self.name, sides[0], sides[1], self.threshold)


def _numbered_on(labels: Sequence[IndexArray]) -> IndexArray:
    """Join labels that count from 0, so that no two towns share one."""
    starts = np.cumsum([0, *(int(town.max()) + 1 for town in labels)])
    return np.concatenate([town + start for town, start in zip(labels, starts, strict=False)])
