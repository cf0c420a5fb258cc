"""Poses in file names: ``@utm_east@utm_north@...jpg``, the layout of the VPR benchmark data sets.

Fields: UTM east, UTM north, zone number, zone letter, latitude, longitude, panorama id, tile number, heading, pitch,
roll, height, timestamp, note. Later ones may be missing or empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose

HEADING_FIELD = 8


def has_vpr_names(images: Sequence[Path]) -> bool:
    """Whether every name begins with ``@``."""
    return all(image.name.startswith("@") for image in images)


def pose_of_name(image: Path) -> Pose:
    """Read UTM metres and, where given, the heading (degrees clockwise from north) as yaw from east.

    Raises:
        SourceError: the name holds no two numbers.
    """
    fields = image.stem.split("@")[1:]
    try:
        east_m, north_m = float(fields[0]), float(fields[1])
    except (IndexError, ValueError) as error:
        raise SourceError(f"{image.name} is not named @utm_east@utm_north@...", "Rename it or remove it") from error
    heading = fields[HEADING_FIELD] if len(fields) > HEADING_FIELD else ""
    try:
        yaw_rad = math.radians(90.0 - float(heading))
    except ValueError:
        return Pose((east_m, north_m, 0.0), None)
    return Pose.from_rotation((east_m, north_m, 0.0), Rotation.from_euler("z", yaw_rad))
