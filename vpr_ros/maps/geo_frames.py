# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Move poses from one local east-north-up frame to another, when sessions have different origins."""

from __future__ import annotations

import numpy as np
import pymap3d
from scipy.spatial.transform import Rotation

from vpr_ros.core.frames import GeoDatum
from vpr_ros.core.pose import Pose


def move_to_datum(T_map_base: Pose, old: GeoDatum, new: GeoDatum) -> Pose:
    """Give a pose in the east-north-up frame of *old* in that of *new*, on the WGS-84 ellipsoid."""
    if old == new:
        return T_map_base
    latitude_deg, longitude_deg, altitude_m = pymap3d.enu2geodetic(
        *T_map_base.position_m, old.latitude_deg, old.longitude_deg, old.altitude_m
    )
    east_m, north_m, up_m = pymap3d.geodetic2enu(
        latitude_deg, longitude_deg, altitude_m, new.latitude_deg, new.longitude_deg, new.altitude_m
    )
    position_m = (float(east_m), float(north_m), float(up_m))
    if not T_map_base.has_orientation:
        return Pose(position_m, None)
    return Pose.from_rotation(position_m, _ecef_from_enu(new).inv() * _ecef_from_enu(old) * T_map_base.rotation)


def _ecef_from_enu(datum: GeoDatum) -> Rotation:
    latitude, longitude = np.radians([datum.latitude_deg, datum.longitude_deg])
    return Rotation.from_euler("ZX", [np.pi / 2 + longitude, np.pi / 2 - latitude])
