# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Light of the hour: sun, sky, lamps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.conditions import Conditions, TimeOfDay

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """The light of an hour, as factors on a surface's colour (sky: grey levels).

    Attributes:
        sun_rgb, ambient_rgb: from the sun, and from everywhere.
        sun_elevation_rad: above the horizon.
        zenith_rgb, horizon_rgb, cloud_rgb: of the sky.
        lamps: how bright street lamps are, 0 for off.
        lit_share: of windows.
    """

    sun_rgb: Rgb
    ambient_rgb: Rgb
    sun_elevation_rad: float
    zenith_rgb: Rgb
    horizon_rgb: Rgb
    cloud_rgb: Rgb
    lamps: float
    lit_share: float


LIGHT: Final[Mapping[TimeOfDay, Light]] = MappingProxyType(
    {
        TimeOfDay.DAY: Light(
            (0.78, 0.73, 0.63), (0.46, 0.49, 0.55), 0.75, (88, 136, 206), (196, 214, 232), (238, 240, 242), 0.0, 0.02
        ),
        TimeOfDay.DUSK: Light(
            (0.62, 0.34, 0.16), (0.30, 0.27, 0.34), 0.12, (58, 64, 108), (238, 150, 92), (196, 112, 100), 0.55, 0.35
        ),
        TimeOfDay.NIGHT: Light(
            (0.0, 0.0, 0.0), (0.075, 0.082, 0.125), 0.5, (9, 11, 24), (30, 27, 36), (36, 32, 40), 1.0, 0.3
        ),
    }
)


def sun_direction(conditions: Conditions, light: Light) -> npt.NDArray[np.float64]:
    """Return the unit vector towards the sun in the map frame."""
    flat = np.cos(light.sun_elevation_rad)
    azimuth = conditions.sun_azimuth_rad
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(light.sun_elevation_rad)])
