# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""GPS positions in a local east-north-up frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pymap3d

from vpr_ros.core.frames import GeoDatum, PositionSigma
from vpr_ros.sources.leaps import out_of_reach

LARGEST_SIGMA_M = 1000.0
"""A receiver that says more knows nothing."""


def local_enu(
    latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike, altitude_m: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], GeoDatum]:
    """Put the origin at the first of N >= 1 WGS-84 positions.

    Args:
        latitude_deg, longitude_deg: (N,) finite.
        altitude_m: (N,) above the ellipsoid; NaN is taken as the origin's height.

    Returns:
        (N, 3) east, north, up in metres, and the origin.
    """
    latitude, longitude, altitude = (
        np.asarray(values, dtype=np.float64) for values in (latitude_deg, longitude_deg, altitude_m)
    )
    height = float(altitude[0]) if np.isfinite(altitude[0]) else 0.0
    altitude = np.where(np.isfinite(altitude), altitude, height)
    datum = GeoDatum(float(latitude[0]), float(longitude[0]), height)
    enu = pymap3d.geodetic2enu(latitude, longitude, altitude, datum.latitude_deg, datum.longitude_deg, datum.altitude_m)
    return np.stack(enu, axis=1), datum


def refused_fix(latitude_deg: float, longitude_deg: float) -> str | None:
    """Why a position cannot be a receiver's, or None.

    Exactly 0, 0 is what drivers send that have no position yet; no receiver stands on that point of the Atlantic.
    """
    if not (np.isfinite(latitude_deg) and np.isfinite(longitude_deg)):
        return "not finite"
    if latitude_deg == 0.0 and longitude_deg == 0.0:
        return "at latitude 0, longitude 0"
    if abs(latitude_deg) > 90.0 or abs(longitude_deg) > 360.0:
        return "no place on earth"
    return None


def fix_sigma(covariance_type: int, covariance: npt.ArrayLike) -> PositionSigma | None:
    """What a ``NavSatFix`` says of its own position, or None where it does not know or says what cannot be.

    Args:
        covariance_type: 0 is unknown.
        covariance: (9,) of east, north, up in m^2.
    """
    east, _, _, _, north, _, _, _, up = np.asarray(covariance, dtype=np.float64).tolist()
    horizontal_m2 = (east + north) / 2
    bounds = 0.0 < horizontal_m2 < LARGEST_SIGMA_M**2 and 0.0 <= up < LARGEST_SIGMA_M**2  # False of NaN
    return PositionSigma(horizontal_m2**0.5, up**0.5) if covariance_type and bounds else None


def far_from_others(
    latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike, altitude_m: npt.ArrayLike, stamps_ns: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """(N,) which of N >= 1 positions are ``out_of_reach`` of the others.

    Args:
        latitude_deg, longitude_deg, altitude_m: (N,) as for ``local_enu``.
        stamps_ns: (N,) in any order.
    """
    altitude = np.asarray(altitude_m, dtype=np.float64)
    known = altitude[np.isfinite(altitude)]
    altitude = np.where(np.isfinite(altitude), altitude, np.median(known) if len(known) else 0.0)
    place_m = pymap3d.geodetic2ecef(np.asarray(latitude_deg), np.asarray(longitude_deg), altitude)
    return out_of_reach(np.stack(place_m, axis=1), stamps_ns)
