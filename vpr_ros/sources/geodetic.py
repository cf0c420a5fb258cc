"""GPS positions in a local east-north-up frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pymap3d

from vpr_ros.core.frames import GeoDatum


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
