# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Interpolation to the image time, and everything it must refuse."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ClockError, SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.pose_track import PoseTrack, pose_track
from vpr_ros.sources.time_range import Stamps

SECOND = 1_000_000_000
EPOCH = 1_700_000_000 * SECOND
NAN = float("nan")


def stamps(*seconds: float, start_ns: int = EPOCH) -> Stamps:
    return np.array([start_ns + round(s * SECOND) for s in seconds], dtype=np.int64)


def track(*seconds: float, start_ns: int = EPOCH) -> PoseTrack:
    """x = time, turning a quarter of a radian per second."""
    timed = zip(stamps(*seconds, start_ns=start_ns).tolist(), seconds, strict=True)
    return pose_track("/odom", ((t, Pose.from_xy_yaw(s, -s, 0.25 * s)) for t, s in timed))


def test_between_two_poses_lies_their_mean() -> None:
    samples = track(0, 1, 2).at(stamps(0, 0.5, 1.25, 2), SECOND)
    np.testing.assert_allclose(samples.position_m[:, 0], [0, 0.5, 1.25, 2], atol=1e-9)
    assert samples.rotation is not None
    np.testing.assert_allclose(samples.rotation.as_euler("zyx")[:, 0], [0, 0.125, 0.3125, 0.5], atol=1e-9)


def test_the_short_way_round_and_quaternions_of_either_sign() -> None:
    start = Pose.from_rotation((0, 0, 0), Rotation.from_euler("z", 170, degrees=True))
    x, y, z, w = (float(v) for v in Rotation.from_euler("z", 190, degrees=True).as_quat())
    timed = [(EPOCH, start), (EPOCH + SECOND, Pose((0, 0, 0), (-x, -y, -z, -w)))]
    [pose] = pose_track("/odom", timed).at(stamps(0.5), SECOND).poses()
    assert pose is not None
    assert pose.rotation.magnitude() == pytest.approx(np.pi)


def test_nanoseconds_since_1970_and_utm_metres_keep_their_digits() -> None:
    far = [(EPOCH + k * 1000, Pose((500_000 + k * 1e-3, 5_400_000.125, 0), None)) for k in range(3)]
    [pose] = pose_track("names", far).at(np.array([EPOCH + 1500]), SECOND).poses()
    assert pose is not None
    assert pose.position_m == pytest.approx((500_000.0015, 5_400_000.125, 0), abs=1e-6)
    assert pose.quat_xyzw is None


def test_nothing_is_extrapolated() -> None:
    poses = track(1, 2).at(stamps(0.999, 1, 2, 2.001), SECOND).poses()
    assert [pose is not None for pose in poses] == [False, True, True, False]


def test_a_single_pose_holds_at_its_own_time_only() -> None:
    poses = track(1).at(stamps(0.9, 1, 1.1), SECOND).poses()
    assert [pose is not None for pose in poses] == [False, True, False]


def test_clocks_that_never_overlap_print_both_ranges() -> None:
    with pytest.raises(
        ClockError, match=r"images \[1700000000.000, 1700000001.000\] s.*poses of /odom \[0.000, 5.000\]"
    ):
        track(0, 5, start_ns=0).at(stamps(0, 1), SECOND)


def test_a_gap_with_images_in_it_is_refused_with_both_ranges() -> None:
    gappy = track(0, 1, 4, 5)
    with pytest.raises(
        ClockError, match=r"2 images at \[1700000002.000, 1700000003.000\].*\[1700000001.000, 1700000004"
    ):
        gappy.at(stamps(0.5, 2, 3, 4.5), SECOND)
    assert all(gappy.at(stamps(0.5, 1, 4, 4.5), SECOND).poses())
    assert all(gappy.at(stamps(2), 3 * SECOND).poses())


def test_time_that_jumps_backwards_is_refused() -> None:
    with pytest.raises(ClockError, match=r"from 1700000003.000 s to 1700000001.500 s.*before the jump.*after it"):
        track(0, 1, 2, 3, 1.5, 2.5)
    assert track(0, 1, 0.95, 2).stamps_ns.tolist() == stamps(0, 0.95, 1, 2).tolist()


def test_of_two_poses_with_one_time_the_last_counts() -> None:
    double = [(0, Pose((0, 0, 0))), (SECOND, Pose((1, 0, 0))), (SECOND, Pose((2, 0, 0))), (2 * SECOND, Pose((3, 0, 0)))]
    assert pose_track("/odom", double).position_m[:, 0].tolist() == [0, 2, 3]


def test_bad_poses_are_left_out_and_counted() -> None:
    good = (SECOND, Pose((1, 0, 0)))
    bad = [(0, Pose((NAN, 0, 0))), (1, Pose((0, 0, 0), (0, 0, 0, NAN))), (2, Pose((0, 0, 0), (0, 0, 0, 0)))]
    kept = pose_track("/odom", [*bad, good], Counter({"without fix": 4}))
    assert kept.stamps_ns.tolist() == [SECOND]
    assert kept.skipped == {"not finite": 2, "zero quaternion": 1, "without fix": 4}
    with pytest.raises(SourceError, match=r"/odom has no usable pose .*2 not finite, 1 zero quaternion"):
        pose_track("/odom", bad)
    with pytest.raises(SourceError, match="it is empty"):
        pose_track("/odom", [])


def test_composition_in_time_is_composition_of_poses() -> None:
    first, second = track(0, 2), track(0, 1, 2)
    when = stamps(0.3, 1.7)
    a, b = first.at(when, 2 * SECOND), second.at(when, 2 * SECOND)
    for composed, p, q in zip(a.compose(b).poses(), a.poses(), b.poses(), strict=True):
        assert composed is not None
        assert p is not None
        assert q is not None
        expected = p.compose(q)
        assert composed.distance_m(expected) < 1e-9
        assert composed.angle_rad(expected) < 1e-9
    for inverse, p in zip(a.inverse().poses(), a.poses(), strict=True):
        assert inverse is not None
        assert p is not None
        assert p.compose(inverse).distance_m(Pose((0, 0, 0))) < 1e-9
