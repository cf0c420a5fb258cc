"""``~/matches``: a point cloud that RViz and numpy read alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from some_answers import HERE, STAMP_NS, some_matches

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from sensor_msgs.msg import PointCloud2, PointField

from vpr_ros.ros.localizer.match_table import MATCH_COLUMNS, MATCH_DTYPE, to_match_cloud
from vpr_ros.ros.pose_messages import to_header

NUMPY_NAMES = {PointField.FLOAT32: "<f4", PointField.UINT32: "<u4"}


def as_a_stranger_reads_it(cloud: PointCloud2) -> npt.NDArray[np.void]:
    """Every point, from nothing but what the message says about itself."""
    dtype = np.dtype(
        {
            "names": [item.name for item in cloud.fields],
            "formats": [NUMPY_NAMES[item.datatype] for item in cloud.fields],
            "offsets": [item.offset for item in cloud.fields],
            "itemsize": cloud.point_step,
        }
    )
    return np.frombuffer(bytes(cloud.data), dtype)


def test_the_message_describes_itself() -> None:
    cloud = to_match_cloud(some_matches(), STAMP_NS, "site")
    assert cloud.header == to_header(STAMP_NS, "site")
    assert (cloud.height, cloud.width, cloud.row_step) == (1, 2, 2 * cloud.point_step)
    assert len(cloud.data) == cloud.row_step * cloud.height
    assert [item.name for item in cloud.fields] == [*MATCH_COLUMNS, "frame_id"]
    assert {item.count for item in cloud.fields} == {1}
    assert not cloud.is_bigendian
    assert cloud.is_dense


def test_each_match_is_a_point_best_first() -> None:
    cloud = to_match_cloud(some_matches(), STAMP_NS, "map")
    first, second = as_a_stranger_reads_it(cloud)
    np.testing.assert_allclose([first["x"], first["y"], first["z"]], HERE.position_m)
    np.testing.assert_allclose([first[name] for name in ("qx", "qy", "qz", "qw")], HERE.quat_xyzw or (), rtol=1e-6)
    assert [first["similarity"], second["similarity"]] == pytest.approx([0.9, 0.8])
    assert [first["probability"], second["probability"]] == pytest.approx([0.75, 0.5])
    assert [first["frame_id"], second["frame_id"]] == [40, 41]
    assert [second["x"], second["y"], second["z"]] == [4.0, 5.0, 6.0]
    np.testing.assert_array_equal(as_a_stranger_reads_it(cloud), np.frombuffer(bytes(cloud.data), MATCH_DTYPE))


def test_an_unknown_orientation_is_the_identity() -> None:
    point = as_a_stranger_reads_it(to_match_cloud(some_matches(), STAMP_NS, "map"))[1]
    assert [point[name] for name in ("qx", "qy", "qz", "qw")] == [0.0, 0.0, 0.0, 1.0]


def test_a_map_frame_beyond_what_a_float_can_count_keeps_its_number() -> None:
    odd = 2**24 + 1
    match = some_matches()[0]
    many = type(match)(odd, match.similarity, match.probability, match.T_map_base, match.name, match.camera)
    assert as_a_stranger_reads_it(to_match_cloud([many], STAMP_NS, "map"))["frame_id"].tolist() == [odd]


def test_no_match_is_an_empty_cloud_with_its_fields() -> None:
    cloud = to_match_cloud((), STAMP_NS, "map")
    assert (cloud.height, cloud.width, cloud.row_step, len(cloud.data)) == (1, 0, 0, 0)
    assert cloud.point_step == MATCH_DTYPE.itemsize
    assert len(cloud.fields) == len(MATCH_COLUMNS) + 1
