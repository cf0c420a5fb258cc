# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Bags written by our own writer, read back with poses from topics, TF and files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import Frame
from vpr_ros.core.pose import Pose
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import header, message, transform
from vpr_ros.sources.bag_writer import BagLayout, BagWriter, write_bag

SECOND = 1_000_000_000


def frames(count: int = 5) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [
        Frame(
            rng.integers(0, 255, (8, 10, 3), dtype=np.uint8),
            (10 + k) * SECOND,
            "/front/image_raw",
            T_map_base=Pose.from_xy_yaw(float(k), 2.0 * k, 0.1 * k),
        )
        for k in range(count)
    ]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_written_frames_come_back(tmp_path: Path, storage: Literal["mcap", "sqlite3"]) -> None:
    written = frames()
    assert write_bag(tmp_path / "bag", written, layout=BagLayout(storage=storage)) == len(written)
    source = open_source(tmp_path / "bag", SourceOptions(max_gap_s=2.0))
    read = [record.load() for record in source]
    assert [frame.stamp_ns for frame in read] == [frame.stamp_ns for frame in written]
    for before, after in zip(written, read, strict=True):
        np.testing.assert_array_equal(before.image_rgb, after.image_rgb)
        assert before.T_map_base is not None
        assert after.T_map_base is not None
        assert after.T_map_base.distance_m(before.T_map_base) < 1e-9
        assert after.T_map_base.angle_rad(before.T_map_base) < 1e-6


def test_a_single_storage_file_opens(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", frames(2))
    (file,) = (tmp_path / "bag").glob("*.mcap")
    assert len(open_source(file, SourceOptions(max_gap_s=2.0))) == 2


def test_wrong_topics_are_named(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", frames(2))
    with pytest.raises(SourceError, match=r"no images on /rear.*/front/image_raw"):
        open_source(tmp_path / "bag", SourceOptions(image_topics=("/rear",)))
    with pytest.raises(SourceError, match="no poses on /gps"):
        open_source(tmp_path / "bag", SourceOptions(pose_topic="/gps"))


def test_poses_from_tf_and_the_camera_mount(tmp_path: Path) -> None:
    from vpr_ros.sources.bag_messages import IMAGE, image

    mount = Pose((0.2, 0.0, 1.0), (-0.5, 0.5, -0.5, 0.5))
    with BagWriter(tmp_path / "bag") as bag:
        bag.write("/tf_static", "tf2_msgs/msg/TFMessage", transform(mount, 0, "base_link", "camera"), 0)
        for k in range(4):
            T_map_base = Pose.from_xy_yaw(float(k), 0.0, 0.0)
            moving = transform(T_map_base, k * SECOND, "map", "base_link")
            bag.write("/tf", "tf2_msgs/msg/TFMessage", moving, k * SECOND)
        pixels = np.zeros((4, 4, 3), np.uint8)
        bag.write("/image", IMAGE, image(pixels, SECOND // 2, "camera"), SECOND // 2)
    source = open_source(tmp_path / "bag", SourceOptions(map_frame="map", max_gap_s=2.0))
    (record,) = source
    assert record.T_map_base is not None
    assert record.T_map_base.position_m == pytest.approx((0.5, 0.0, 0.0))
    T_base_camera = source.cameras["/image"].T_base_camera
    assert T_base_camera is not None
    assert T_base_camera.position_m == pytest.approx(mount.position_m)
    with pytest.raises(SourceError, match="no way from"):
        open_source(tmp_path / "bag", SourceOptions(map_frame="odom"))


def test_gps_becomes_local_east_north_up(tmp_path: Path) -> None:
    from vpr_ros.sources.bag_messages import IMAGE, image

    with BagWriter(tmp_path / "bag") as bag:
        for k in range(3):
            fix = message(
                "sensor_msgs/msg/NavSatFix",
                header=header(k * SECOND + 1, "gps"),
                status=message("sensor_msgs/msg/NavSatStatus", status=0 if k else -1, service=1),
                latitude=48.0 + 1e-5 * k,
                longitude=11.0,
                altitude=500.0,
                position_covariance=np.zeros(9),
                position_covariance_type=0,
            )
            bag.write("/fix", "sensor_msgs/msg/NavSatFix", fix, k * SECOND + 1)
        pixels = np.zeros((4, 4, 3), np.uint8)
        for stamp_ns in (SECOND + 1, 2 * SECOND):
            bag.write("/image", IMAGE, image(pixels, stamp_ns, "camera"), stamp_ns)
    source = open_source(tmp_path / "bag", SourceOptions(max_gap_s=2.0))
    poses = [record.T_map_base for record in source]
    assert source.datum is not None
    assert source.datum.latitude_deg == pytest.approx(48.00001)
    assert poses[0] is not None
    assert not poses[0].has_orientation
    assert poses[1] is not None
    assert poses[1].position_m[1] == pytest.approx(1.11, abs=0.02)


def test_a_cut_off_bag_says_how_to_mend_it(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag", frames(3))
    (file,) = (tmp_path / "bag").glob("*.mcap")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(SourceError, match="cannot be read"):
        open_source(file)
