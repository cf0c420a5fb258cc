# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Poses and stamps that contradict each other: the part that is believed is read, the rest is counted."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from some_bags import (
    BRIGHTNESS,
    CAMERA,
    COUNT,
    SECOND,
    STEP,
    T0,
    X_M,
    Sent,
    brightness,
    fix,
    images,
    moving,
    odom,
    picture,
    pose_stamped,
    stamp_of,
    write,
    x_m,
)

from vpr_ros.core.errors import ClockError, SourceError
from vpr_ros.core.frames import PositionSigma, declared_sigma
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import IMAGE, image
from vpr_ros.sources.frame_range import FrameRange
from vpr_ros.sources.recorded_source import RecordedSource

NUMBERS = range(COUNT)
GO_ON = SourceOptions(max_gap_s=60.0)


def north_m(source: RecordedSource) -> list[float]:
    return [record.T_map_base.position_m[1] for record in source if record.T_map_base]


def good_fix(number: int) -> Sent:
    """About 0.56 m to the north per image."""
    return fix(number, 48.1 + number * 5e-6, 11.6)


def gps(tmp_path: Path, *fixes: Sent) -> Path:
    return write(tmp_path / "bag", fixes, images())


def test_a_receiver_that_says_zero_before_it_knows_is_not_believed(tmp_path: Path) -> None:
    fixes = [fix(k, 0.0, 0.0, 0.0) if k < 3 else good_fix(k) for k in NUMBERS]
    source = open_source(gps(tmp_path, *fixes))
    assert source.datum is not None
    assert source.datum.latitude_deg == pytest.approx(48.100015)
    assert source.datum.altitude_m == 500.0
    assert north_m(source) == pytest.approx([0.556 * k for k in range(COUNT - 3)], abs=0.01)
    assert "poses not usable: 3 at latitude 0, longitude 0" in source.description


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda k: fix(k, 12.0, -99.0, status=-1), "without fix"),
        (lambda k: fix(k, 1e9, 1e9, status=-1), "without fix"),
        (lambda k: fix(k, math.nan, 11.6), "not finite"),
        (lambda k: fix(k, 4.8e8, 1.16e8), "no place on earth"),
        (lambda k: fix(k, 48.1, 12.6), "far from all others"),
        (lambda k: fix(k, -33.9, 18.4), "far from all others"),
        (lambda k: fix(k, 48.1 + k * 5e-6, 11.6, altitude_m=9000.0), "far from all others"),
        (lambda k: fix(k, 48.103, 11.6), "far from all others"),
    ],
)
@pytest.mark.parametrize("numbers", [{0}, {COUNT - 1}, {4, 5}, {2, 6, 9}], ids=str)
def test_fixes_that_cannot_be_are_counted(tmp_path: Path, bad: object, reason: str, numbers: set[int]) -> None:
    fixes = [bad(k) if k in numbers else good_fix(k) for k in NUMBERS]  # type: ignore[operator]
    source = open_source(gps(tmp_path, *fixes), GO_ON)
    assert f"poses not usable: {len(numbers)} {reason}" in source.description
    first = 1 if 0 in numbers else 0
    assert north_m(source) == pytest.approx([0.556 * k for k in range(COUNT - len(numbers & {0, COUNT - 1}))], abs=0.01)
    assert source.datum is not None
    assert source.datum.latitude_deg == pytest.approx(48.1 + first * 5e-6)


def test_no_fix_at_all_is_an_error_that_counts(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"/fix has no usable pose \({COUNT} at latitude 0, longitude 0\)"):
        open_source(gps(tmp_path, *(fix(k, 0.0, 0.0) for k in NUMBERS)))


def test_fixes_that_leap_about_are_refused(tmp_path: Path) -> None:
    fixes = [fix(k, 48.0 + (k * 7 % 5), 11.0) for k in NUMBERS]
    source = open_source(gps(tmp_path, *fixes))  # everything that fast: no fix is worse than another
    assert len(source) == COUNT
    fixes = [fix(k, 48.0 + (k // 2 * 7 % 5), 11.0) for k in NUMBERS]
    with pytest.raises(SourceError, match=r"fixes of /fix leap .* of 12 cannot be reached .* --poses"):
        open_source(gps(tmp_path / "again", *fixes))


def test_a_tunnel_and_an_aircraft_are_believed(tmp_path: Path) -> None:
    """400 m in the 20 s without a fix; 250 m/s all the way."""
    fixes = [
        fix(k, 48.1 + (0.0036 if k > 5 else 0.0), 11.6, stamp_ns=T0 + (k + (20 if k > 5 else 0)) * SECOND)
        for k in NUMBERS
    ]
    assert "not usable" not in open_source(gps(tmp_path, *fixes), GO_ON).description
    fixes = [fix(k, 48.1 + k * 250 / 111_000, 11.6, stamp_ns=T0 + k * SECOND) for k in NUMBERS]
    assert "not usable" not in open_source(gps(tmp_path / "again", *fixes), GO_ON).description


def test_a_second_antenna_is_counted(tmp_path: Path) -> None:
    fixes = [fix(k, 48.1, 11.6, frame="rear" if k % 4 == 0 else "front") for k in NUMBERS]
    source = open_source(gps(tmp_path, *fixes))
    assert "poses not usable: 3 in frame 'rear' instead of 'front'" in source.description


def test_of_two_frames_on_a_topic_the_more_frequent_one_is_read(tmp_path: Path) -> None:
    poses = [pose_stamped(k, 0.5 * k + (0 if k < 4 else 200), "odom" if k < 4 else "map") for k in NUMBERS]
    bag = write(tmp_path / "bag", poses, images())
    source = open_source(bag)
    assert source.map_frame_id == "map"
    assert x_m(source) == [200 + 0.5 * k for k in range(4, COUNT)]
    assert "poses not usable: 4 in frame 'odom' instead of 'map'" in source.description
    asked = open_source(bag, SourceOptions(map_frame="odom", pose_topic="/pose"))
    assert asked.map_frame_id == "odom"
    assert x_m(asked) == [0.0, 0.5, 1.0, 1.5]


def test_odometry_of_two_bodies_is_that_of_the_base_that_is_asked_for(tmp_path: Path) -> None:
    both = [*odom(child="robot2/base_link", start_m=50.0), *odom(child="base_link")[::3]]
    source = open_source(write(tmp_path / "bag", both, images()), GO_ON)
    assert x_m(source) == pytest.approx(X_M[:10])
    assert "8 of 'robot2/base_link' instead" not in source.description
    assert "12 of 'robot2/base_link' instead of 'base_link'" in source.description
    frames = [*odom(frame="map", start_m=50.0)[:5], *odom()[5:]]
    source = open_source(write(tmp_path / "two", frames, images()))
    assert (source.map_frame_id, x_m(source)) == ("odom", X_M[5:])
    assert "5 in frame 'map' instead of 'odom'" in source.description


def test_images_in_another_frame_are_told(tmp_path: Path) -> None:
    pictures = [*images()[:9], *images(frame="other")[9:]]
    source = open_source(write(tmp_path / "bag", pictures, odom()))
    assert source.cameras[CAMERA].frame_id == "cam_optical"
    assert source.warnings == (f"3 of 12 images of {CAMERA} are in another frame than 'cam_optical'",)


def stamped(offsets_s: list[float], topic: str = CAMERA) -> list[Sent]:
    return [
        Sent(topic, IMAGE, image(picture(k), stamp_of(k) + round(offset_s * SECOND), "cam"), stamp_of(k) + 2)
        for k, offset_s in enumerate(offsets_s)
    ]


@pytest.mark.parametrize("offset_s", [-1.7e9, 3600.0, -1.5, 2.0e8])
@pytest.mark.parametrize("number", [1, 5, COUNT - 2])
def test_a_stamp_out_of_line_is_left_out_and_counted(tmp_path: Path, offset_s: float, number: int) -> None:
    offsets_s = [offset_s if k == number else 0.0 for k in NUMBERS]
    source = open_source(write(tmp_path / "bag", stamped(offsets_s), odom()))
    kept = [k for k in NUMBERS if k != number]
    assert brightness(source) == [10 * k for k in kept]
    assert x_m(source) == [0.5 * k for k in kept]
    assert source.warnings == (
        f"1 of 12 images of {CAMERA} left out, their stamps are out of line with those around them",
    )
    poses = odom()
    poses[number].content.header.stamp.sec += round(offset_s)
    source = open_source(write(tmp_path / "poses", images(), poses))
    assert x_m(source) == pytest.approx(X_M)
    assert "poses not usable: 1 of a time before or after its neighbours" in source.description


def test_a_driver_that_stamps_unevenly_is_read_in_order(tmp_path: Path) -> None:
    offsets_s = [0.35 if k % 3 == 0 else 0.0 for k in NUMBERS]
    source = open_source(write(tmp_path / "bag", stamped(offsets_s), odom(count=20)))
    stamps = [record.stamp_ns for record in source]
    assert stamps == sorted(stamps)
    assert sorted(brightness(source)) == BRIGHTNESS
    (warning,) = source.warnings
    assert warning.startswith(
        f"the stamps of {CAMERA} go back 4 times, by up to 0.15 s: its images are put in their order"
    )


def test_a_clock_that_jumps_about_is_not_to_be_split(tmp_path: Path) -> None:
    offsets_s = [0.0, 0, 60, 60, 0, 0, 60, 60, 0, 0, 60, 60]
    with pytest.raises(ClockError, match=r"time jumps backwards in images of .*: 2 times.*in the driver") as caught:
        open_source(write(tmp_path / "bag", stamped(offsets_s), odom()))
    assert "Split" not in str(caught.value)
    with pytest.raises(ClockError, match="Split the recording there"):
        open_source(write(tmp_path / "set", stamped([60.0] * 6 + [0.0] * 6), odom()))


def test_one_camera_with_a_wrong_clock_does_not_stop_the_others(tmp_path: Path) -> None:
    bag = write(
        tmp_path / "bag", images(), stamped([5e6] * COUNT, "/rear"), stamped([60.0] * 6 + [0.0] * 6, "/up"), odom()
    )
    source = open_source(bag)
    assert list(source.cameras) == [CAMERA]
    rear, up = source.warnings
    assert rear.startswith("/rear is not read: the clocks of images and poses never overlap: images [")
    assert up.startswith("/up is not read: time jumps backwards in images of /up")
    with pytest.raises(ClockError, match="never overlap"):
        open_source(bag, SourceOptions(image_topics=(CAMERA, "/rear")))


def advised_s(error: ClockError) -> float:
    return float(error.remedy.partition("--max-gap ")[2].partition(",")[0])


def test_gps_at_1_hz_is_read_and_a_late_or_missing_fix_too(tmp_path: Path) -> None:
    times_s = [-1, 0.02, 1.06, 2.04, 4.05, 5.04]
    fixes = [fix(0, 48.1 + k * 1e-5, 11.6, stamp_ns=T0 + round(s * SECOND)) for k, s in enumerate(times_s)]
    assert len(open_source(gps(tmp_path, *fixes))) == COUNT


@pytest.mark.parametrize("rate_hz", [1, 5, 0.5])
def test_the_gap_that_is_advised_does(tmp_path: Path, rate_hz: float) -> None:
    times_s = np.cumsum([0, 1, 1, 3.21, 1, 1, 7.2004, 1, 1, 1, 20, 1]) / rate_hz
    poses = [pose_stamped(0, float(s), "map") for s in times_s]
    for sent, s in zip(poses, times_s, strict=True):
        sent.content.header.stamp.sec, sent.content.header.stamp.nanosec = divmod(T0 + round(s * SECOND), SECOND)
    pictures = [
        Sent(CAMERA, IMAGE, image(picture(k), T0 + round(s * SECOND), "cam"), T0 + k)
        for k, s in enumerate(times_s[:9] + 0.05)  # none in the longest gap
    ]
    bag = write(tmp_path / "bag", poses, pictures)
    with pytest.raises(
        ClockError, match=r"[12] images at .* no poses for more than .* s, the longest gap being"
    ) as caught:
        open_source(bag)
    advice_s = advised_s(caught.value)
    assert 7.2004 / rate_hz <= advice_s <= 7.2004 / rate_hz + 0.1
    assert len(open_source(bag, SourceOptions(max_gap_s=advice_s))) == 9


def test_the_gap_that_is_advised_does_for_every_transform_and_camera(tmp_path: Path) -> None:
    slow = [moving("/tf", "map", "odom", 0.0, k) for k in (0, 25, 50)]
    gappy = [moving("/tf", "odom", "base_link", 0.1 * k, k) for k in range(50) if not 10 <= k < 19]
    pictures = [*images(count=20, frame="base_link"), *images("/rear", count=45, frame="base_link")]
    bag = write(tmp_path / "bag", slow, gappy, pictures)
    options = SourceOptions(map_frame="map")
    with pytest.raises(ClockError, match="TF odom -> base_link") as caught:
        open_source(bag, options)
    assert advised_s(caught.value) == 5.0
    assert len(open_source(bag, SourceOptions(map_frame="map", max_gap_s=5.0))) == 65
    assert STEP == SECOND // 5


@pytest.mark.parametrize("gap_s", [math.inf, 1e300])
def test_any_gap_may_be_allowed(tmp_path: Path, gap_s: float) -> None:
    bag = write(tmp_path / "bag", images(), [odom()[0], odom()[-1]])
    assert x_m(open_source(bag, SourceOptions(max_gap_s=gap_s))) == pytest.approx(X_M)


def test_poses_that_leap_are_told(tmp_path: Path) -> None:
    poses = [*odom()[:3], *odom(start_m=400_000.0)[3:]]
    source = open_source(write(tmp_path / "bag", poses, images()))
    assert source.warnings == (
        "3 of 12 poses of /odom lie farther from the others than anything moves, the first at 1700000000.000 s",
    )


@pytest.mark.parametrize(
    ("poses", "says"),
    [
        ([], r"Give a trajectory with --poses FILE, or record"),
        ([moving("/tf", "a", "b", 0, 0)], "from its TF with --map-"),
    ],
)
def test_a_bag_without_poses_says_what_there_is_to_take(tmp_path: Path, poses: list[Sent], says: str) -> None:
    with pytest.raises(SourceError, match=rf"has no pose topic\. .*{says}"):
        open_source(write(tmp_path / "bag", images(), poses))


def test_two_poses_far_apart_are_not_interpolated_by_default(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", images(count=60), [*odom()[:1], *odom(count=60)[-1:]])
    with pytest.raises(ClockError, match=r"more than 5 s.* --max-gap 11\.8"):
        open_source(bag)
    assert len(open_source(bag, SourceOptions(max_gap_s=11.8))) == 60


@pytest.mark.parametrize("offset_s", [-18, 3])
def test_two_clocks_that_overlap_are_told_by_when_things_were_recorded(tmp_path: Path, offset_s: int) -> None:
    poses = odom(count=400)
    transforms = [moving("/tf", "odom", "cam_optical", 0.1 * k, k) for k in range(400)]
    for sent in poses:
        sent.content.header.stamp.sec += offset_s
    for sent in transforms:
        sent.content.transforms[0].header.stamp.sec += offset_s
    pictures = [s for s in images(count=300) if s.log_ns > stamp_of(200)]
    for parts, options, name in (
        (poses, SourceOptions(), "/odom"),
        (transforms, SourceOptions(map_frame="odom"), "TF odom -> cam_optical"),
    ):
        source = open_source(write(tmp_path / f"{options.map_frame}", parts, pictures), options)
        (warning,) = source.warnings
        told = f"{abs(offset_s)}.0 s {'behind' if offset_s > 0 else 'ahead of'} those of {name}:"
        assert f"the stamps of {CAMERA} are {told}" in warning


def test_a_simulated_clock_that_runs_slowly_is_one_clock(tmp_path: Path) -> None:
    """Simulated at half speed: the recorder's clock runs away from both topics alike, the camera starts late."""
    slow = [s._replace(log_ns=T0 + 2 * (s.log_ns - T0)) for s in [*odom(count=400), *images(count=400)[300:]]]
    assert open_source(write(tmp_path / "bag", slow)).warnings == ()


def said(number: int, east_m2: float, up_m2: float, kind: int = 2) -> Sent:
    sent = good_fix(number)
    sent.content.position_covariance[[0, 4, 8]] = east_m2, east_m2, up_m2
    sent.content.position_covariance_type = kind
    return sent


def test_fixes_say_how_uncertain_they_are(tmp_path: Path) -> None:
    fixes = [said(k, 400.0 if k == 0 else 4.0, 9.0) for k in NUMBERS]
    source = open_source(gps(tmp_path, *fixes))
    assert declared_sigma(source) == PositionSigma(2.0, 3.0)  # the median: the first fix is a cold one
    assert declared_sigma(FrameRange(source, 0, 2)) == PositionSigma(2.0, 3.0)


@pytest.mark.parametrize(("east_m2", "kind"), [(4.0, 0), (0.0, 2), (math.nan, 2), (1e9, 2)])
def test_fixes_that_do_not_know_say_nothing(tmp_path: Path, east_m2: float, kind: int) -> None:
    assert declared_sigma(open_source(gps(tmp_path, *(said(k, east_m2, 9.0, kind) for k in NUMBERS)))) is None
