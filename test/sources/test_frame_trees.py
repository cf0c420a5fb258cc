# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""TF of several robots, and TF that is broken: the right tree is asked, and only who needs a transform misses it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from some_bags import CAMERA, COUNT, X_M, Sent, images, moving, odom, static, write, x_m

from vpr_ros.core.errors import SourceError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.recorded_source import RecordedSource

NUMBERS = range(COUNT)
FROM_TF = SourceOptions(map_frame="odom")


def robot(namespace: str, start_m: float, mount_m: float = 0.2, frame: str = "cam_optical") -> Iterator[Sent]:
    """Half a metre per image, the camera *mount_m* ahead of the base."""
    for k in NUMBERS:
        yield moving(f"{namespace}/tf", "odom", "base_link", start_m + 0.5 * k, k)
    yield static(f"{namespace}/tf_static", "base_link", frame, mount_m)


def mount_m(source: RecordedSource, camera: str = CAMERA) -> float | None:
    mount = source.cameras[camera].T_base_camera
    return None if mount is None else mount.position_m[0]


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_camera_is_looked_up_in_the_tf_of_its_own_robot(tmp_path: Path, storage: str) -> None:
    own = images("/robot1/camera/image_raw")
    robots = [*robot("/robot2", 100.0, 0.9), *robot("/robot1", 0.0)]
    source = open_source(write(tmp_path / "bag", robots, own, storage=storage), FROM_TF)  # type: ignore[arg-type]
    assert x_m(source) == X_M
    assert mount_m(source, "/robot1/camera/image_raw") == 0.2
    assert source.warnings == ()


def test_cameras_of_two_robots_have_the_poses_of_their_own(tmp_path: Path) -> None:
    cameras = [*images("/robot1/eye"), *images("/robot2/eye")]
    source = open_source(write(tmp_path / "bag", robot("/robot1", 0.0), robot("/robot2", 100.0), cameras), FROM_TF)
    by_camera = {
        name: [r.T_map_base.position_m[0] for r in source if r.camera == name and r.T_map_base]
        for name in source.cameras
    }
    (warning,) = source.warnings
    assert warning.startswith("frame 'odom' of /robot1/tf and /robot1/tf_static and /robot2/tf")
    assert by_camera["/robot1/eye"] == pytest.approx(X_M)
    assert by_camera["/robot2/eye"] == pytest.approx([100.0 + x for x in X_M])


def test_a_camera_outside_all_namespaces_is_refused_with_both_topics(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", robot("/robot1", 0.0), robot("/robot2", 100.0, 0.9), images(), odom())
    with pytest.raises(SourceError, match=r"frames of several TF trees.*/robot1/tf and .*/robot2/tf.*--pose-topic"):
        open_source(bag, FROM_TF)
    source = open_source(bag, SourceOptions(pose_topic="/odom"))
    assert x_m(source) == X_M
    assert mount_m(source) is None
    (warning,) = source.warnings
    assert warning.startswith(
        "how cam_optical sits on base_link is not known: 'cam_optical' and 'base_link' are frames"
    )


def test_where_only_one_robot_knows_the_frames_it_is_asked(tmp_path: Path) -> None:
    other = robot("/robot2", 100.0, frame="other_optical")
    assert x_m(open_source(write(tmp_path / "bag", robot("/robot1", 0.0), images()), FROM_TF)) == X_M
    source = open_source(write(tmp_path / "two", robot("/robot1", 0.0), other, images(), odom()), SourceOptions())
    assert mount_m(source) == 0.2
    assert source.warnings == (f"the frames of {CAMERA} are looked up in /robot1/tf and /robot1/tf_static",)


def test_what_the_own_robot_does_not_know_is_not_taken_from_another(tmp_path: Path) -> None:
    own = [moving("/robot2/tf", "odom", "base_link", 100.0 + 0.5 * k, k) for k in NUMBERS]
    bag = write(tmp_path / "bag", robot("/robot1", 0.0), own, images("/robot2/eye"), odom())
    assert mount_m(open_source(bag, SourceOptions(pose_topic="/odom")), "/robot2/eye") is None
    with pytest.raises(SourceError, match="no way from 'cam_optical' to 'odom'"):
        open_source(bag, FROM_TF)
    source = open_source(bag, SourceOptions(map_frame="odom", camera_frame="base_link"))
    assert x_m(source) == [100.0 + x for x in X_M]


def test_the_tf_of_all_robots_is_joined_with_that_of_one(tmp_path: Path) -> None:
    shared = [moving("/tf", "map", "odom", 10.0, k) for k in NUMBERS]
    shared += [moving("/tf", "odom", "base_link", 77.0, k) for k in NUMBERS]  # the robot itself knows better
    bag = write(tmp_path / "bag", shared, robot("/robot1", 0.0), images("/robot1/eye"))
    assert x_m(open_source(bag, SourceOptions(map_frame="map"))) == pytest.approx([10.0 + x for x in X_M])


def two_parents() -> Iterator[Sent]:
    for k in NUMBERS:
        yield moving("/tf", "odom", "base_link", 0.5 * k, k)
        yield moving("/tf", "base_footprint", "base_link", 0.1, k)


@pytest.mark.parametrize("lenient", [True, False])
def test_two_parents_are_one_sentence_where_nobody_asks_for_tf(tmp_path: Path, lenient: bool) -> None:
    bag = write(tmp_path / "bag", two_parents(), images(), odom())
    source = open_source(bag, SourceOptions(require_poses=not lenient))
    assert x_m(source) == X_M
    assert mount_m(source) is None
    (warning,) = source.warnings
    assert "TF frame 'base_link' has two parents: 'odom' and 'base_footprint'" in warning
    trajectory = tmp_path / "poses.txt"
    trajectory.write_text("".join(f"{1_700_000_000 + k / 5} {k} 0 0 0 0 0 1\n" for k in NUMBERS))
    assert x_m(open_source(bag, SourceOptions(poses=trajectory))) == list(NUMBERS)


def test_two_parents_above_the_base_do_not_hide_the_camera_below_it(tmp_path: Path) -> None:
    mount = [static("/tf_static", "base_link", "cam_optical", 0.3)]
    source = open_source(write(tmp_path / "bag", two_parents(), mount, images(), odom()))
    assert mount_m(source) == 0.3


def test_two_parents_on_the_way_are_an_error(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", two_parents(), images())
    with pytest.raises(SourceError, match=r"no way from 'cam_optical' to 'odom'.*'base_link' has two parents"):
        open_source(bag, FROM_TF)
    with pytest.raises(SourceError, match=r"'base_link' has two parents: 'odom' and 'base_footprint'.*--pose-topic"):
        open_source(bag, SourceOptions(map_frame="odom", camera_frame="base_link"))
    source = open_source(bag, SourceOptions(map_frame="odom", camera_frame="base_link", require_poses=False))
    assert [record.T_map_base for record in source] == [None] * COUNT


@pytest.mark.parametrize("options", [SourceOptions(), FROM_TF], ids=["poses from a topic", "poses from TF"])
def test_a_static_transform_without_a_value_is_one_sentence(tmp_path: Path, options: SourceOptions) -> None:
    broken = list(robot("", 0.0, math.nan))
    source = open_source(write(tmp_path / "bag", broken, images(), odom()), options)
    assert x_m(source) == X_M
    assert mount_m(source) is None
    (warning,) = source.warnings
    assert warning == (
        "how cam_optical sits on base_link is not known: "
        "the static transform base_link -> cam_optical has no usable value (1 not finite)"
    )


def test_a_static_transform_that_poses_need_is_the_one_to_mend(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", [static("/tf_static", "odom", "cam_optical", math.nan)], images())
    with pytest.raises(SourceError, match=r"odom -> cam_optical has no usable value .*Mend what publishes it"):
        open_source(bag, FROM_TF)


def test_of_several_static_transforms_the_last_usable_one_counts(tmp_path: Path) -> None:
    values = [
        static("/tf_static", "base_link", "cam_optical", x)._replace(log_ns=n) for n, x in enumerate((1, 2, math.nan))
    ]
    assert mount_m(open_source(write(tmp_path / "bag", values, images(), odom()))) == 2


def test_a_camera_does_not_get_the_poses_of_another_robot(tmp_path: Path) -> None:
    both = [*odom("/robot1/odom"), *odom("/robot2/odom", start_m=100.0)]
    cameras = [*images("/robot1/eye"), *images("/robot2/eye"), *images("/mast/eye")]
    bag = write(tmp_path / "bag", both, cameras)
    source = open_source(bag, SourceOptions(pose_topic="/robot1/odom"))
    assert list(source.cameras) == ["/robot1/eye", "/mast/eye"]
    (warning,) = source.warnings
    assert warning.startswith(
        "/robot2/eye is not read: the poses are those of /robot1/odom, and /robot2/odom is another"
    )
    chosen = SourceOptions(pose_topic="/robot1/odom", image_topics=("/robot2/eye",))
    assert list(open_source(bag, chosen).cameras) == ["/robot2/eye"]


def test_an_odometry_beside_a_camera_does_not_make_it_another_robot(tmp_path: Path) -> None:
    both = [*odom("/wheels/odom"), *odom("/zed/odom", start_m=100.0)]
    source = open_source(write(tmp_path / "bag", both, images("/zed/left")), SourceOptions(pose_topic="/wheels/odom"))
    assert (x_m(source), source.warnings) == (X_M, ())


@pytest.mark.parametrize(("robots", "apart_m"), [(2, 300.0), (2, 12.0), (3, 40.0)])
def test_two_robots_that_publish_the_same_transform_in_turns_are_refused(
    tmp_path: Path, robots: int, apart_m: float
) -> None:
    both = [moving("/tf", "odom", "cam_optical", 0.5 * k + apart_m * (k % robots), k) for k in NUMBERS]
    recording = write(tmp_path / "bag", both, images())
    with pytest.raises(SourceError, match=r"odom -> cam_optical are of several robots in turns.*one robot per bag"):
        open_source(recording, FROM_TF)
    played = open_source(recording, replace(FROM_TF, require_poses=False))
    assert all(record.T_map_base is None for record in played)
    assert any("are not used" in warning for warning in played.warnings)


def test_a_transform_that_leaps_now_and_then_is_told(tmp_path: Path) -> None:
    both = [moving("/tf", "odom", "cam_optical", 0.5 * k + (300 if k in (3, 4, 9) else 0), k) for k in NUMBERS]
    (warning,) = open_source(write(tmp_path / "bag", both, images()), FROM_TF).warnings
    assert warning.startswith("3 of 12 transforms odom -> cam_optical lie farther from the others than anything moves")
