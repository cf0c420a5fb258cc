# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A small town grown from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError
from vpr_ros.simulation.furnish import Furnishing, furnish
from vpr_ros.simulation.ground import Ground, paint_ground, plan_bounds
from vpr_ros.simulation.houses import House, Lots, build_houses
from vpr_ros.simulation.masonry import raise_house
from vpr_ros.simulation.noise import tileable_noise
from vpr_ros.simulation.shadows import shadow_heights_m
from vpr_ros.simulation.sprites import Person
from vpr_ros.simulation.streets import StreetPlan, plan_streets
from vpr_ros.simulation.surfaces import SurfaceList, Surfaces
from vpr_ros.simulation.textures import Painting, TextureStore
from vpr_ros.simulation.twins import with_twin_houses
from vpr_ros.simulation.vehicles import CAR_PARTS, CarPart

FloatArray = npt.NDArray[np.float64]

_CAR_PAINTS: Final = 24
_PEOPLE: Final = 16
_SUNS_REMEMBERED: Final = 4
HEIGHT_MAP_CELL_M: Final = 0.5


@dataclass(eq=False)
class Town:
    """Streets, houses, trees and lamps; the same for the same arguments, another town for every seed.

    The map frame is x east, y north, z up; the ground is the plane z = 0 and the origin is near the town's middle.
    Textures are painted when somebody first looks at them.

    Args:
        seed: of everything.
        blocks_east, blocks_north: how many blocks of houses.
        block_m: their size, from crossing to crossing.
        texture_bytes: how much memory painted textures may take; a whole town of 3x3 blocks is about 400 MB.
        twin_streets: two streets have the same facades.

    Raises:
        ConfigError: fewer than one block, or blocks too small for houses on both sides.
    """

    seed: int
    blocks_east: int = 3
    blocks_north: int = 3
    block_m: float = 72.0
    texture_bytes: int = 400 * 2**20
    twin_streets: bool = False
    plan: StreetPlan = field(init=False, repr=False)
    lots: Lots = field(init=False, repr=False)
    surfaces: Surfaces = field(init=False, repr=False)
    furnishing: Furnishing = field(init=False, repr=False)
    textures: TextureStore = field(init=False, repr=False)
    first_car_texture: int = field(init=False, repr=False)
    first_person_texture: int = field(init=False, repr=False)
    _shadows: dict[tuple[float, float], npt.NDArray[np.float32]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Draw the plan and put everything up; nothing is painted yet."""
        if min(self.blocks_east, self.blocks_north) < 1 or not self.block_m >= 60.0 or self.seed < 0:
            raise ConfigError(
                f"found seed {self.seed} and {self.blocks_east}x{self.blocks_north} blocks of {self.block_m} m",
                "A town needs a seed of at least 0 and at least 1x1 blocks of 60 m or more",
            )
        rng = np.random.default_rng([self.seed, 0])
        self.plan = plan_streets(rng, self.blocks_east, self.blocks_north, self.block_m, self.twin_streets)
        self.lots = build_houses(rng, self.plan)
        if self.plan.twins is not None:
            self.lots = with_twin_houses(self.lots, *(self.plan.streets[number] for number in self.plan.twins))
        paintings: list[Painting] = []
        walls = SurfaceList()
        for house in self.lots.houses:
            raise_house(house, walls, paintings)
        self.furnishing = furnish(rng, self.plan, self.lots, walls, paintings)
        self.surfaces = Surfaces.joined([walls.collected(), *self.furnishing.placed])
        self.first_car_texture = len(paintings)
        paintings += [CarPart(self._seed_of(k), part) for k in range(_CAR_PAINTS) for part in CAR_PARTS]
        self.first_person_texture = len(paintings)
        paintings += [Person(self._seed_of(100 + k)) for k in range(_PEOPLE)]
        self.textures = TextureStore(paintings, self.texture_bytes)

    @property
    def car_paints(self) -> int:
        """How many cars differ in paint."""
        return _CAR_PAINTS

    @property
    def people(self) -> int:
        """How many people differ in looks."""
        return _PEOPLE

    @property
    def houses(self) -> tuple[House, ...]:
        """Every house."""
        return self.lots.houses

    @cached_property
    def ground(self) -> Ground:
        """The ground, painted at the first call."""
        return paint_ground(self.seed, self.plan)

    @cached_property
    def clouds(self) -> npt.NDArray[np.float32]:
        """(512, 512) noise in about [-1.5, 1.5] that repeats without a seam: clouds, and how snow lies."""
        return tileable_noise(np.random.default_rng([self.seed, 41]), 512, 4, 5)

    @cached_property
    def height_map_m(self) -> npt.NDArray[np.float32]:
        """How high the houses are, seen from above, north up, in cells of ``HEIGHT_MAP_CELL_M``."""
        low, high = plan_bounds(self.plan)
        columns, rows = (int(v) for v in np.ceil((high - low) / HEIGHT_MAP_CELL_M))
        heights = np.zeros((rows, columns), dtype=np.float32)
        for house in sorted(self.houses, key=lambda h: h.wall_m + 0.5 * h.roof_m):
            cells = (house.plan_xy - (low[0], high[1])) * (1.0, -1.0) / HEIGHT_MAP_CELL_M
            cv2.fillPoly(heights, [np.round(cells - 0.5).astype(np.int32)], house.wall_m + 0.5 * house.roof_m)
        return heights

    def shadow_map_m(self, azimuth_rad: float, elevation_rad: float) -> npt.NDArray[np.float32]:
        """Up to which height each cell of ``height_map_m`` lies in shadow; the last suns are remembered."""
        key = (azimuth_rad, elevation_rad)
        if key not in self._shadows:
            if len(self._shadows) >= _SUNS_REMEMBERED:
                self._shadows.pop(next(iter(self._shadows)))
            self._shadows[key] = shadow_heights_m(self.height_map_m, HEIGHT_MAP_CELL_M, azimuth_rad, elevation_rad)
        return self._shadows[key]

    def _seed_of(self, number: int) -> int:
        return int(np.random.default_rng([self.seed, 51, number]).integers(2**31))
