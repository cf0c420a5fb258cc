# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""When and under which weather, traffic and sensor a town is seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from vpr_ros.core.errors import ConfigError


class Season(Enum):
    """Decides trees and what lies on ground and roofs."""

    SUMMER = "summer"
    AUTUMN = "autumn"
    WINTER = "winter"


class TimeOfDay(Enum):
    """Decides sky, sun, lamps and windows."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


@dataclass(frozen=True)
class Conditions:
    """Everything that changes between two visits of one place, except the viewpoint.

    Attributes:
        time_of_day, season: see the enums.
        sun_azimuth_rad: direction towards the sun, from x (east) to y (north); decides where shadows fall.
        overcast: 0 clear sky with hard shadows .. 1 closed clouds without shadows.
        fog_density_per_m: share of contrast lost is ``1 - exp(-density * distance)``.
        exposure_gain: factor on the image.
        white_balance_rgb: factor per channel.
        noise_std: standard deviation of the sensor noise in grey levels (0..255).
        motion_blur_px: length of a horizontal blur; below 2 is none.
        parked_share: how many of the parking places are taken.
        moving_cars, pedestrians: how many are on the way in the whole town.
        traffic_seed: which cars and people, where. Change it between drives.
        weather_seed: clouds, lit windows, how the snow lies. Change it between drives.
    """

    time_of_day: TimeOfDay = TimeOfDay.DAY
    season: Season = Season.SUMMER
    sun_azimuth_rad: float = 0.9
    overcast: float = 0.3
    fog_density_per_m: float = 0.0004
    exposure_gain: float = 1.0
    white_balance_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise_std: float = 1.5
    motion_blur_px: float = 0.0
    parked_share: float = 0.45
    moving_cars: int = 14
    pedestrians: int = 40
    traffic_seed: int = 0
    weather_seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be rendered.

        Raises:
            ConfigError: a number that is not finite or outside its range.
        """
        ranges = {
            "overcast": (0.0, 1.0), "fog_density_per_m": (0.0, 10.0), "exposure_gain": (0.0, 100.0),
            "noise_std": (0.0, 255.0), "motion_blur_px": (0.0, 100.0), "parked_share": (0.0, 1.0),
            "moving_cars": (0, 1000), "pedestrians": (0, 1000),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ConfigError(f"found {name}={value!r}, expected {low} to {high}", f"Change {name}")

    def changed(self, **changes: object) -> Conditions:
        """Return a copy with some fields replaced.

        Raises:
            ConfigError: a name that is no field, or a value outside its range.
        """
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ConfigError(f"unknown conditions: {', '.join(unknown)}", f"Known are {', '.join(sorted(known))}")
        return replace(self, **changes)  # type: ignore[arg-type]  # the names were checked, the values check themselves


_NIGHT: Final = Conditions(
    time_of_day=TimeOfDay.NIGHT,
    noise_std=7.0,
    motion_blur_px=2.0,
    fog_density_per_m=0.001,
    moving_cars=8,
    pedestrians=12,
)

CONDITIONS: Final[Mapping[str, Conditions]] = MappingProxyType(
    {
        "day": Conditions(),
        "sunny": Conditions(overcast=0.0, exposure_gain=1.12, sun_azimuth_rad=2.4),
        "overcast": Conditions(overcast=1.0, exposure_gain=0.95, white_balance_rgb=(0.97, 1.0, 1.04)),
        "dusk": Conditions(time_of_day=TimeOfDay.DUSK, noise_std=3.5, sun_azimuth_rad=-2.6),
        "night": _NIGHT,
        "fog": Conditions(overcast=1.0, fog_density_per_m=0.028, exposure_gain=1.05),
        "autumn": Conditions(season=Season.AUTUMN, overcast=0.5, white_balance_rgb=(1.05, 1.0, 0.92)),
        "winter": Conditions(season=Season.WINTER, overcast=0.9, white_balance_rgb=(0.96, 0.99, 1.06)),
        "winter_night": replace(_NIGHT, season=Season.WINTER),
        "rush_hour": Conditions(parked_share=0.95, moving_cars=70, pedestrians=160, overcast=0.6),
    }
)
"""Presets by name."""


def conditions_named(name: str) -> Conditions:
    """Look up a preset.

    Raises:
        ConfigError: no preset of this name.
    """
    if name not in CONDITIONS:
        raise ConfigError(f"unknown conditions {name!r}", f"Choose one of {', '.join(CONDITIONS)}")
    return CONDITIONS[name]
