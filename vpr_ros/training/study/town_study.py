# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What studies in simulated towns have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.datasets.towns import TownDrives


@dataclass(frozen=True)
class TownStudy:
    """How often something is trained, and where.

    Attributes:
        seeds: runs of each variant.
        towns, test_towns: simulated towns to train on, and to measure on.
        size_px: height and width of the images.
        spacing_m, distance_m, offset_m: between two images, of a drive, and at most sideways of it.
    """

    seeds: int
    towns: int
    test_towns: int
    size_px: tuple[int, int] = (96, 128)
    spacing_m: float = 5.0
    distance_m: float = 400.0
    offset_m: float = 1.5

    @property
    def drives(self) -> TownDrives:
        """Through the towns."""
        height_px, width_px = self.size_px
        return TownDrives(self.spacing_m, self.distance_m, width_px, height_px, lateral_offset_m=self.offset_m)

    def check(self, steps: int) -> None:
        """Whether anything is trained.

        Raises:
            ConfigError: it is not.
        """
        if min(self.seeds, self.towns, self.test_towns, steps) < 1:
            raise ConfigError("--seeds, --towns, --test-towns and --steps count from 1", "Leave them at their defaults")

    def drive_settings(self) -> dict[str, Any]:
        """What the images of the drives depend on."""
        names = ("spacing_m", "distance_m", "offset_m")
        return {**{name: getattr(self, name) for name in names}, "size": list(self.size_px)}
