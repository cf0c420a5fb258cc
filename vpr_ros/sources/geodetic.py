"""GPS positions in a local east-north-up frame."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import pymap3d

from vpr_ros.core.frames import GeoDatum

LEAP_M: Final = 100.0
LEAP_M_PER_S: Final = 100.0


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


def far_from_others(
    latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike, altitude_m: npt.ArrayLike, stamps_ns: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """(N,) which of N >= 1 positions lie where nobody gets to in the time between them and the others.

    A way that is farther than ``LEAP_M`` and faster than both ``LEAP_M_PER_S`` and ten times the usual pace is a leap.
    Of the stretches between leaps the one with most positions is believed, and with it what can be reached from it.

    Args:
        latitude_deg, longitude_deg, altitude_m: (N,) as for ``local_enu``.
        stamps_ns: (N,) in any order.
    """
    stamps = np.asarray(stamps_ns, dtype=np.int64)
    order = np.argsort(stamps, kind="stable")
    when_s = (stamps[order] - stamps.min(initial=0)) / 1e9
    place_m = _earth_centred(latitude_deg, longitude_deg, altitude_m)[order]
    limit_m_per_s = _fastest(place_m, when_s)

    def leaps(a: int, b: int) -> bool:
        way_m = float(np.linalg.norm(place_m[a] - place_m[b]))
        return way_m > LEAP_M and way_m > limit_m_per_s * abs(when_s[a] - when_s[b])

    count = len(order)
    starts = [0, *(k for k in range(1, count) if leaps(k - 1, k)), count]
    first, last = max(pairwise(starts), key=lambda stretch: stretch[1] - stretch[0])
    believed = np.zeros(count, dtype=bool)
    believed[first:last] = True
    for numbers, start in ((range(last, count), last - 1), (range(first - 1, -1, -1), first)):
        edge = start
        for k in numbers:
            if not leaps(edge, k):
                believed[k] = True
                edge = k
    far = np.zeros(count, dtype=bool)
    far[order] = ~believed
    return far


def _earth_centred(
    latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike, altitude_m: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """(N, 3) metres from the earth's centre; an unknown height is the usual one."""
    altitude = np.asarray(altitude_m, dtype=np.float64)
    known = altitude[np.isfinite(altitude)]
    altitude = np.where(np.isfinite(altitude), altitude, np.median(known) if len(known) else 0.0)
    return np.stack(pymap3d.geodetic2ecef(np.asarray(latitude_deg), np.asarray(longitude_deg), altitude), axis=1)


def _fastest(place_m: npt.NDArray[np.float64], when_s: npt.NDArray[np.float64]) -> float:
    way_m = np.linalg.norm(np.diff(place_m, axis=0), axis=1)
    time_s = np.diff(when_s)
    pace = way_m[time_s > 0] / time_s[time_s > 0]
    # Not the median: three in ten positions that are off make six in ten ways that are.
    return max(LEAP_M_PER_S, 10.0 * float(np.quantile(pace, 0.25))) if len(pace) else LEAP_M_PER_S
