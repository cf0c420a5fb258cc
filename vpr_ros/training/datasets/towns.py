# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Simulated towns as training and evaluation data: several drives through each, every one in other conditions.

Images are rendered when they are loaded; a town is grown when one of its images is, and forgotten when others are. For
many epochs record the drives once with ``simulate`` and use ``drives``. Every image brings the label of each pixel.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
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
from vpr_ros.training.labels.own_labels import LabelledImage, LabelledRecord
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
        camera = CameraIntrinsics.from_fov(self.width_px, self.height_px)
        return SimulatedSource(town, plan, camera, seen, seed=number)

    def town(self, seed: int) -> Town:
        """Return the town of this seed."""
        return Town(seed, self.blocks, self.blocks)


class TownMemory:
    """Drives through the towns looked at last; a town is forgotten with its painted textures, about 0.4 GB.

    What is forgotten is grown again when somebody asks, and looks the same. A copy for another process starts empty.

    Args:
        drives: see ``TownDrives``.
        towns: how many are kept.

    Raises:
        TrainingError: less than one.
    """

    def __init__(self, drives: TownDrives, towns: int) -> None:
        if towns < 1:
            raise TrainingError(f"{towns} towns are to be kept in memory", "Keep at least 1")
        self.drives = drives
        self._capacity = towns
        self._known: OrderedDict[int, tuple[Town, dict[tuple[str, int], SimulatedSource]]] = OrderedDict()

    def source(self, seed: int, conditions: str, number: int) -> SimulatedSource:
        """Return drive *number* through the town of this seed; to be used and let go of.

        Raises:
            ConfigError: unknown conditions.
        """
        if seed not in self._known:
            while len(self._known) >= self._capacity:  # before the next one is grown
                self._known.popitem(last=False)
            self._known[seed] = self.drives.town(seed), {}
        self._known.move_to_end(seed)
        town, sources = self._known[seed]
        drive = conditions, number
        if drive not in sources:
            sources[drive] = self.drives.source(town, *drive)
        return sources[drive]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": OrderedDict()}


class ForgettableDrive:
    """A drive as a ``FrameSource`` that does not keep its town alive.

    Args:
        memory: where the town is looked for when an image is loaded.
        seed: of the town.
        conditions, number: see ``TownDrives.source``.
    """

    def __init__(self, memory: TownMemory, seed: int, conditions: str, number: int) -> None:
        self._memory = memory
        self._which = seed, conditions, number
        source = memory.source(seed, conditions, number)
        self.map_frame_id: str = source.map_frame_id
        self.cameras: Mapping[str, CameraMount] = source.cameras
        self.datum: GeoDatum | None = source.datum
        self.is_drive: bool = source.is_drive
        self.description: str = source.description
        self._poses = source.poses

    def __len__(self) -> int:
        return len(self._poses)

    def __iter__(self) -> Iterator[FrameRecord]:
        (camera,) = self.cameras
        for index, (stamp_ns, T_map_base) in enumerate(self._poses):
            yield LabelledRecord(
                stamp_ns,
                camera,
                str(stamp_ns),
                T_map_base,
                partial(self._image, index),
                load_labelled=partial(self._labelled, index),
            )

    def _image(self, index: int) -> ImageRgb:
        return self._labelled(index)[0]

    def _labelled(self, index: int) -> LabelledImage:
        rendering = self._memory.source(*self._which).rendering(index)
        return rendering.image_rgb, rendering.label


class TownPlaces(PlaceData):
    """Towns cut into places by distance and heading; each town is driven through once per condition.

    Args:
        towns: seeds; use other ones for evaluation.
        conditions: names of presets, such as day, night, fog, winter.
        drives: see ``TownDrives``.
        grid: see ``PlaceGrid``.
        min_images_per_place: places with fewer images are left out.
        towns_in_memory: how many towns each worker process keeps painted, see ``TownMemory``. A batch needs one; where
            the memory is there, all of them spare painting again.
    """

    def __init__(
        self,
        towns: Sequence[int],
        conditions: Sequence[str] = ("day", "overcast", "dusk", "night", "winter"),
        drives: TownDrives | None = None,
        grid: PlaceGrid | None = None,
        min_images_per_place: int = 4,
        towns_in_memory: int = 2,
    ) -> None:
        self.towns = tuple(towns)
        self.conditions = tuple(conditions)
        self.drives = drives or TownDrives()
        self.grid = grid or PlaceGrid()
        self.min_images_per_place = min_images_per_place
        self.towns_in_memory = towns_in_memory

    def open(self) -> PlaceImages:
        """Plan all drives; nothing is rendered yet.

        Raises:
            ConfigError: unknown conditions.
            TrainingError: no place with enough images, or no town may be kept in memory.
        """
        memory = TownMemory(self.drives, self.towns_in_memory)
        parts = [self._town(memory, seed) for seed in self.towns]
        return PlaceImages(
            f"{len(parts)} simulated towns in {', '.join(self.conditions)}: {sum(len(p.images) for p in parts)} images",
            ImageListChain([part.images for part in parts]),
            _numbered_on([part.place_ids for part in parts]),
            _numbered_on([part.groups for part in parts]),
        )

    def _town(self, memory: TownMemory, seed: int) -> PlaceImages:
        sources = [ForgettableDrive(memory, seed, name, number) for number, name in enumerate(self.conditions)]
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

    def open(self, memory: TownMemory | None = None) -> RetrievalSet:
        """Plan both drives; nothing is rendered yet.

        Args:
            memory: of the same drives, shared by the tasks of a town so that it is painted once; its own where None.

        Raises:
            ConfigError: unknown conditions.
        """
        memory = memory or TownMemory(self.drives, 1)
        # numbers of drives no training set of this town uses
        sides = [
            posed_images([ForgettableDrive(memory, self.seed, c, 1000 + n)]) for n, c in enumerate(self.conditions)
        ]
        return retrieval_set(self.name, sides[0], sides[1], self.threshold)


def _numbered_on(labels: Sequence[IndexArray]) -> IndexArray:
    """Join labels that count from 0, so that no two towns share one."""
    starts = np.cumsum([0, *(int(town.max()) + 1 for town in labels)])
    return np.concatenate([town + start for town, start in zip(labels, starts, strict=False)])
