# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a bag says about time and place that is not as it should be, and what is said about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import ClockError, SourceError
from vpr_ros.core.frames import Frame
from vpr_ros.core.pose import Pose
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import IMAGE, NAV_SAT_FIX, ODOMETRY, header, image, message, odometry, transform
from vpr_ros.sources.bag_writer import BagWriter, StampedPose, write_bag
from vpr_ros.sources.recorded_source import RecordedSource

SECOND = 1_000_000_000
MS = 1_000_000
LENIENT = SourceOptions(require_poses=False)
TF = "tf2_msgs/msg/TFMessage"


def write_images(path: Path, stamps_ns: Sequence[int]) -> None:
    """Images that arrive once a second, whatever their stamps say, each as bright as its number."""
    with BagWriter(path) as bag:
        for k, stamp_ns in enumerate(stamps_ns):
            pixels = np.full((4, 4, 3), 10 * k, np.uint8)
            bag.write("/front", IMAGE, image(pixels, stamp_ns, "camera"), (k + 1) * SECOND)


def fix(stamp_ns: int, status: int, latitude_deg: float) -> object:
    return message(
        NAV_SAT_FIX,
        header=header(stamp_ns, "gps_antenna"),
        status=message("sensor_msgs/msg/NavSatStatus", status=status, service=1),
        latitude=latitude_deg,
        longitude=11.0,
        altitude=500.0,
        position_covariance=np.zeros(9),
        position_covariance_type=0,
    )


def write_gps(path: Path, fixes: Sequence[tuple[int, float]]) -> None:
    """A (status, latitude) and an image per second."""
    with BagWriter(path) as bag:
        for k, (status, latitude_deg) in enumerate(fixes):
            stamp_ns = (k + 1) * SECOND
            bag.write("/fix", NAV_SAT_FIX, fix(stamp_ns, status, latitude_deg), stamp_ns)
            bag.write("/front", IMAGE, image(np.zeros((4, 4, 3), np.uint8), stamp_ns, "camera"), stamp_ns)


def write_odometry(path: Path, poses: Sequence[Pose], child: str = "base_link", mount: Pose | None = None) -> None:
    """A pose of *child* and an image per second; *mount* leads statically from child to base_link."""
    with BagWriter(path) as bag:
        if mount is not None:
            bag.write("/tf_static", TF, transform(mount, 0, child, "base_link"), 0)
        for k, pose in enumerate(poses):
            stamp_ns = (k + 1) * SECOND
            bag.write("/odom", ODOMETRY, odometry(pose, stamp_ns, "odom", child), stamp_ns)
            bag.write("/front", IMAGE, image(np.zeros((4, 4, 3), np.uint8), stamp_ns, "camera"), stamp_ns)


def poses_of(source: RecordedSource) -> list[Pose | None]:
    return [record.T_map_base for record in source]


def frames(count: int, first_s: int = 1) -> list[Frame]:
    pixels = np.zeros((4, 4, 3), np.uint8)
    return [
        Frame(pixels, (first_s + k) * SECOND, "/front", T_map_base=Pose.from_xy_yaw(float(k), 0.0, 0.0))
        for k in range(count)
    ]


def test_an_image_clock_that_jumps_back_is_refused_with_both_stamps(tmp_path: Path) -> None:
    write_images(tmp_path / "bag", [5 * SECOND, 6 * SECOND, 2 * SECOND, 3 * SECOND])
    with pytest.raises(ClockError, match=r"images of /front: from 6\.000 s to 2\.000 s"):
        open_source(tmp_path / "bag", LENIENT)


def test_images_that_overtook_each_other_are_put_in_order(tmp_path: Path) -> None:
    write_images(tmp_path / "bag", [5 * SECOND, 5 * SECOND + 40 * MS, 5 * SECOND + 33 * MS, 6 * SECOND])
    source = open_source(tmp_path / "bag", LENIENT)
    assert [record.stamp_ns - 5 * SECOND for record in source] == [0, 33 * MS, 40 * MS, SECOND]
    assert [int(record.load().image_rgb[0, 0, 0]) for record in source] == [0, 20, 10, 30]


def test_images_of_one_time_keep_names_of_their_own(tmp_path: Path) -> None:
    write_images(tmp_path / "bag", [5 * SECOND, 5 * SECOND, 6 * SECOND])
    records = list(open_source(tmp_path / "bag", LENIENT))
    assert [record.name for record in records] == ["/front@5000000000", "/front@5000000000#2", "/front@6000000000"]
    assert [int(record.load().image_rgb[0, 0, 0]) for record in records] == [0, 10, 20]


def test_zero_is_a_time_where_a_simulated_clock_begins(tmp_path: Path) -> None:
    recorded_ns = 10**18
    with BagWriter(tmp_path / "bag") as bag:
        for k in range(3):
            moving = odometry(Pose((float(k), 0, 0)), k * SECOND, "odom", "base_link")
            bag.write("/odom", ODOMETRY, moving, recorded_ns + k * SECOND)
            pixels = image(np.zeros((4, 4, 3), np.uint8), k * SECOND, "camera")
            bag.write("/front", IMAGE, pixels, recorded_ns + k * SECOND)
    source = open_source(tmp_path / "bag")
    assert [record.stamp_ns for record in source] == [0, SECOND, 2 * SECOND]
    assert [pose.position_m[0] for pose in poses_of(source) if pose] == [0, 1, 2]
    assert [record.load().image_rgb.shape for record in source] == [(4, 4, 3)] * 3


def test_a_stamp_nobody_set_becomes_the_time_of_recording(tmp_path: Path) -> None:
    write_images(tmp_path / "one", [SECOND, 0, 3 * SECOND])
    source = open_source(tmp_path / "one", LENIENT)
    assert [record.stamp_ns for record in source] == [SECOND, 2 * SECOND, 3 * SECOND]
    assert source.warnings == ("1 of 3 images of /front have no stamp, the time of recording stands in",)
    write_images(tmp_path / "all", [0, 0])
    assert [record.stamp_ns for record in open_source(tmp_path / "all", LENIENT)] == [SECOND, 2 * SECOND]


def write_tf(path: Path, stamps_ns: Sequence[int], recorded_ns: int = 0) -> None:
    """A robot that moves 1 m a second on /tf, its camera on /tf_static without a stamp, and an image every second.

    Where *recorded_ns* is given, recording began then on another clock than that of the stamps, which the images share.
    """
    with BagWriter(path) as bag:
        mount = transform(Pose((0.0, 0.0, 1.0)), 0, "base_link", "camera")
        bag.write("/tf_static", TF, mount, recorded_ns + SECOND)
        for k, stamp_ns in enumerate(stamps_ns):
            log_ns = recorded_ns + (k + 1) * SECOND
            bag.write("/tf", TF, transform(Pose((float(k), 0, 0)), stamp_ns, "map", "base_link"), log_ns)
            seen_ns = stamp_ns if recorded_ns else log_ns
            bag.write("/front", IMAGE, image(np.zeros((4, 4, 3), np.uint8), seen_ns, "camera"), log_ns)


def test_static_transforms_need_no_stamp_and_moving_ones_without_are_counted(tmp_path: Path) -> None:
    write_tf(tmp_path / "stamped", [SECOND, 2 * SECOND, 3 * SECOND])
    source = open_source(tmp_path / "stamped", SourceOptions(map_frame="map", max_gap_s=2.0))
    assert source.warnings == ()
    for name, stamps_ns, count in (("some", [SECOND, 0, 3 * SECOND], 1), ("all", [0, 0, 0], 3)):
        write_tf(tmp_path / name, stamps_ns)
        source = open_source(tmp_path / name, SourceOptions(map_frame="map", max_gap_s=2.0))
        assert [pose.position_m[0] for pose in poses_of(source) if pose] == pytest.approx([0, 1, 2])
        (warning,) = source.warnings
        assert warning == (f"{count} of 3 transforms map -> base_link have no stamp, the time of recording stands in")
        assert warning in source.description


def test_zero_is_the_time_of_a_transform_where_a_simulated_clock_begins(tmp_path: Path) -> None:
    write_tf(tmp_path / "bag", [0, SECOND, 2 * SECOND], recorded_ns=10**18)
    source = open_source(tmp_path / "bag", SourceOptions(map_frame="map", max_gap_s=2.0))
    assert [pose.position_m[0] for pose in poses_of(source) if pose] == pytest.approx([0, 1, 2])
    assert source.warnings == ()


def test_poses_without_a_stamp_are_counted(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for k in range(3):
            log_ns = (k + 1) * SECOND
            bag.write("/odom", ODOMETRY, odometry(Pose((float(k), 0, 0)), 0, "odom", "base_link"), log_ns)
            bag.write("/front", IMAGE, image(np.zeros((4, 4, 3), np.uint8), log_ns, "camera"), log_ns)
    (warning,) = open_source(tmp_path / "bag").warnings
    assert warning == "3 of 3 poses of /odom have no stamp, the time of recording stands in"


@pytest.mark.parametrize("pose_topic", [None, "/fix"])
@pytest.mark.parametrize(("map_frame", "expected"), [(None, "map"), ("site", "site")])
def test_gps_poses_are_not_in_the_frame_of_the_antenna(
    tmp_path: Path, map_frame: str | None, expected: str, pose_topic: str | None
) -> None:
    write_gps(tmp_path / "bag", [(0, 48.0), (0, 48.00001)])
    source = open_source(tmp_path / "bag", SourceOptions(pose_topic=pose_topic, map_frame=map_frame))
    assert source.datum is not None
    assert source.map_frame_id == expected


def test_fixes_that_are_none_are_counted(tmp_path: Path) -> None:
    write_gps(tmp_path / "bag", [(0, 48.0), (-1, 48.0), (-1, 48.0), (0, math.nan), (0, 48.00001)])
    source = open_source(tmp_path / "bag", SourceOptions(max_gap_s=10.0))
    assert len(source) == 5
    assert "poses not usable: 2 without fix, 1 not finite" in source.description
    write_gps(tmp_path / "none", [(-1, 48.0), (0, math.nan)])
    with pytest.raises(SourceError, match=r"/fix has no usable pose \(1 without fix, 1 not finite\)"):
        open_source(tmp_path / "none")


def test_odometry_that_is_none_is_counted(tmp_path: Path) -> None:
    bad = [Pose((math.nan, 0, 0)), Pose((0, 0, 0), (0, 0, 0, 0))]
    write_odometry(tmp_path / "bag", [Pose((0, 0, 0)), *bad, Pose((3, 0, 0))])
    source = open_source(tmp_path / "bag", SourceOptions(max_gap_s=10.0))
    assert [pose.position_m[0] for pose in poses_of(source) if pose] == pytest.approx([0, 1, 2, 3])
    assert "poses not usable: 1 not finite, 1 zero quaternion" in source.description
    write_odometry(tmp_path / "none", bad)
    with pytest.raises(SourceError, match=r"1 not finite, 1 zero quaternion"):
        open_source(tmp_path / "none")


def test_transforms_that_are_none_are_counted(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for k, qw in enumerate((1.0, 0.0, 1.0)):
            moving = transform(Pose((float(k), 0, 0), (0, 0, 0, qw)), k * SECOND + 1, "map", "base_link")
            bag.write("/tf", TF, moving, k * SECOND + 1)
        bag.write("/front", IMAGE, image(np.zeros((4, 4, 3), np.uint8), SECOND, "base_link"), SECOND)
    source = open_source(tmp_path / "bag", SourceOptions(map_frame="map", max_gap_s=10.0))
    assert "poses not usable: 1 zero quaternion" in source.description


def test_poses_on_another_clock_are_a_warning_where_none_are_required(tmp_path: Path) -> None:
    bare = [replace(frame, T_map_base=None) for frame in frames(3)]
    write_bag(tmp_path / "bag", bare, [StampedPose(k * 10**15, Pose((0, 0, 0))) for k in (1, 2)])
    with pytest.raises(ClockError, match="never overlap"):
        open_source(tmp_path / "bag")
    source = open_source(tmp_path / "bag", LENIENT)
    assert poses_of(source) == [None, None, None]
    (warning,) = source.warnings
    assert "poses of /odom are not used for /front: the clocks" in warning
    assert warning in source.description


def test_images_between_poses_far_apart_have_none_where_none_is_required(tmp_path: Path) -> None:
    bare = [replace(frame, T_map_base=None) for frame in frames(9)]
    write_bag(tmp_path / "bag", bare, [StampedPose(s * SECOND, Pose((float(s), 0, 0))) for s in (3, 4, 7, 8)])
    with pytest.raises(ClockError, match="--max-gap 3"):
        open_source(tmp_path / "bag")
    known = [pose is not None for pose in poses_of(open_source(tmp_path / "bag", LENIENT))]
    assert known == [False, False, True, True, False, False, True, True, False]


def test_unusable_poses_are_a_warning_where_none_are_required(tmp_path: Path) -> None:
    write_odometry(tmp_path / "bag", [Pose((math.nan, 0, 0))])
    (warning,) = open_source(tmp_path / "bag", LENIENT).warnings
    assert "poses of /odom are not used" in warning
    assert "1 not finite" in warning


def test_several_pose_topics_are_a_warning_where_none_is_required(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for topic in ("/odom", "/filtered"):
            bag.write(topic, ODOMETRY, odometry(Pose((0, 0, 0)), SECOND, "odom", "base_link"), SECOND)
        bag.write("/front", IMAGE, image(np.zeros((4, 4, 3), np.uint8), SECOND, "camera"), SECOND)
    (warning,) = open_source(tmp_path / "bag", LENIENT).warnings
    assert "several pose topics: /odom (nav_msgs/msg/Odometry), /filtered" in warning
    assert "--pose-topic" in warning
    with pytest.raises(SourceError, match="several pose topics"):
        open_source(tmp_path / "bag")


def test_odometry_of_another_frame_is_carried_to_the_base(tmp_path: Path) -> None:
    turned = Pose.from_xy_yaw(1.0, 0.0, math.pi / 2)
    write_odometry(tmp_path / "bag", [turned, turned], "imu_link", mount=Pose((0.5, 0.0, 0.0)))
    source = open_source(tmp_path / "bag")
    pose = poses_of(source)[0]
    assert pose is not None
    assert pose.position_m == pytest.approx((1.0, 0.5, 0.0))
    assert source.warnings == ()


def test_odometry_of_another_frame_stays_where_no_way_is_known(tmp_path: Path) -> None:
    write_odometry(tmp_path / "bag", [Pose((1.0, 0, 0))], "imu_link")
    source = open_source(tmp_path / "bag")
    pose = poses_of(source)[0]
    assert pose is not None
    assert pose.position_m == (1.0, 0.0, 0.0)
    assert "poses of /odom are those of imu_link: no static TF leads from there to base_link" in source.description
    assert open_source(tmp_path / "bag", SourceOptions(base_frame="imu_link")).warnings == ()
