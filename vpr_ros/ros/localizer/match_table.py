"""The table of the best matches as a point cloud: one point per match, readable by RViz and by numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField

from vpr_ros.core.pose import IDENTITY_QUAT_XYZW
from vpr_ros.localization import Match
from vpr_ros.ros.distribution import byte_field
from vpr_ros.ros.pose_messages import to_header

MATCH_COLUMNS = (
    "x", "y", "z", "qx", "qy", "qz", "qw", "similarity", "probability", "inliers",
)  # fmt: skip
MATCH_DTYPE = np.dtype([(name, "<f4") for name in MATCH_COLUMNS] + [("frame_id", "<u4")])
"""One point of ``~/matches``: metres in the map frame, 0..1 for similarity and probability, index of the map frame.

``inliers`` is to come: it is 0 until a ``Verifier`` counts some.
"""

_POINT_FIELD_TYPES = {"f": PointField.FLOAT32, "u": PointField.UINT32}


def to_match_cloud(matches: Sequence[Match], stamp_ns: int, frame_id: str) -> PointCloud2:
    """Build ``~/matches``, best match first."""
    table = np.zeros(len(matches), MATCH_DTYPE)
    for row, match in zip(table, matches, strict=True):
        pose = match.T_map_base
        row["x"], row["y"], row["z"] = pose.position_m
        row["qx"], row["qy"], row["qz"], row["qw"] = pose.quat_xyzw or IDENTITY_QUAT_XYZW
        row["similarity"], row["probability"] = match.similarity, match.probability
        row["inliers"] = getattr(match, "inliers", 0)
        row["frame_id"] = match.frame_index
    cloud = PointCloud2(header=to_header(stamp_ns, frame_id))
    cloud.height, cloud.width = 1, len(table)
    cloud.fields = _fields()
    cloud.point_step, cloud.row_step = MATCH_DTYPE.itemsize, table.nbytes
    cloud.is_dense = True
    cloud.data = byte_field(table.tobytes())
    return cloud


def _fields() -> list[PointField]:
    columns: Mapping[str, Any] = MATCH_DTYPE.fields or {}
    fields = []
    for name, (column, offset, *_) in columns.items():
        fields.append(PointField(name=name, offset=offset, datatype=_POINT_FIELD_TYPES[column.kind], count=1))
    return fields
