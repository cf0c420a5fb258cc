"""Where the camera sits, asked of real TF by the running node."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tf2_ros", reason="needs tf2_ros of a ROS installation; PyPI has none")

from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import (
    GraphClient,
    StartNode,
    image_message,
    make_map,
    place_pose,
    texture,
)
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from tf2_msgs.msg import TFMessage
from tf_tree import Scene, stamped

from vpr_ros.core.message_fields import pose_of, stamp_ns_of
from vpr_ros.core.pose import Pose
from vpr_ros.ros.messages import to_time

NODE = "/vpr_localizer"
PLACE = 5
OPTICAL = "camera_optical_frame"
IN_MAP = Pose((0.3, 0.0, 0.5))
ON_ROBOT = Pose.from_xy_yaw(-1.0, 0.4, 0.3, 0.5)
ELSEWHERE = Pose((4.0, 0.0, 0.0))
NEAR_M, NEAR_RAD = 0.2, 0.05
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def map_with_extrinsics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_map(tmp_path_factory.mktemp("extrinsics") / "map", T_base_camera=IN_MAP)


@pytest.fixture
def scene(start_localizer: StartNode, map_with_extrinsics: Path, client: GraphClient) -> Scene:
    return Scene.of(start_localizer, map_with_extrinsics, client, PLACE)


@dataclass
class Answers:
    """Poses of the node, and where a camera mounted this way would put the robot."""

    messages: list[Any]

    def newest(self) -> Pose:
        return pose_of(self.messages[-1].pose.pose)

    def fits(self, T_base_camera: Pose) -> bool:
        """Whether the last pose is of a robot whose camera sits at *T_base_camera*."""
        if not self.messages:
            return False
        expected = place_pose(PLACE).compose(IN_MAP).compose(T_base_camera.inverse())
        return expected.distance_m(self.newest()) < NEAR_M and expected.angle_rad(self.newest()) < NEAR_RAD


@pytest.fixture
def answers(client: GraphClient) -> Answers:
    return Answers(client.collect(PoseWithCovarianceStamped, f"{NODE}/pose"))


def image_at(client: GraphClient, stamp_ns: int, frame_id: str = OPTICAL) -> Callable[[], None]:
    """Publishes one and the same image again and again."""
    publisher = client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
    message = image_message(texture(PLACE), stamp_ns, frame_id)
    return lambda: publisher.publish(message)


def test_the_very_first_pose_waits_for_a_tree_that_is_being_filled(scene: Scene, answers: Answers) -> None:
    """The first pose may be handed over to AMCL; one that is off by the extrinsics is worse than none."""
    scene.start()
    scene.client.wait_for(scene.camera.subscribers, "the node")
    end = len(scene.camera.sent) + 5
    scene.client.wait_for(lambda: len(scene.camera.sent) >= end, "images without extrinsics", scene.camera.publish)
    scene.tree.fix(ON_ROBOT, "base_link", OPTICAL)
    scene.client.wait_for(lambda: answers.messages, "a pose", scene.camera.publish)
    answers.messages[1:] = []
    assert answers.fits(ON_ROBOT), answers.newest()
    scene.client.wait_for(
        lambda: scene.diagnostics.value("camera", "extrinsics").startswith("TF base_link"), "TF in the diagnostics"
    )


def test_a_robot_with_tf_topics_of_its_own(scene: Scene, answers: Answers) -> None:
    """As Nav2 starts several robots; the first pose waits here too."""
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = scene.client.node.create_publisher(TFMessage, "/robot/tf_static", latched)
    scene.start("-r", "/tf:=/robot/tf", "-r", "/tf_static:=/robot/tf_static")
    scene.client.wait_for(scene.camera.subscribers, "the node")
    end = len(scene.camera.sent) + 5
    scene.client.wait_for(lambda: len(scene.camera.sent) >= end, "images without extrinsics", scene.camera.publish)
    publisher.publish(TFMessage(transforms=[stamped(ON_ROBOT, "base_link", OPTICAL)]))
    scene.client.wait_for(lambda: answers.messages, "a pose", scene.camera.publish)
    answers.messages[1:] = []
    assert answers.fits(ON_ROBOT), answers.newest()


def test_a_mount_that_comes_late_is_used_from_then_on(scene: Scene, answers: Answers) -> None:
    process = scene.start()
    scene.client.wait_for(lambda: answers.fits(IN_MAP), "a pose with the map's extrinsics", scene.camera.publish)
    scene.client.wait_for(
        lambda: scene.diagnostics.value("camera", "extrinsics").startswith("map"),
        "the map's extrinsics",
        scene.camera.publish,
    )
    scene.tree.fix(ON_ROBOT, "base_link", OPTICAL)
    scene.client.wait_for(lambda: answers.fits(ON_ROBOT), "a pose with TF's extrinsics", scene.camera.publish)
    scene.client.wait_for(
        lambda: scene.diagnostics.value("camera", "extrinsics").startswith("TF base_link"), "TF's", scene.camera.publish
    )
    assert f"camera camera: extrinsics: TF base_link <- {OPTICAL}" in process.output


def test_a_camera_that_tf_does_not_know_is_named_and_the_parameter_holds(scene: Scene, answers: Answers) -> None:
    scene.tree.fix(ELSEWHERE, "base_link", "another_camera")
    process = scene.start(**{"T_base_camera.camera": "[-1.0, 0.4, 0.5, 0.0, 0.0, 0.3]"})
    scene.client.wait_for(
        lambda: answers.fits(ON_ROBOT), "a pose with the parameter's extrinsics", scene.camera.publish
    )
    scene.client.wait_for(
        lambda: "TF has no" in scene.diagnostics.value("camera", "extrinsics"), "the extrinsics", scene.camera.publish
    )
    said = scene.diagnostics.value("camera", "extrinsics")
    assert said.startswith(f"parameter; TF has no transform base_link -> {OPTICAL}") and "does not exist" in said
    (line,) = [line for line in process.output.splitlines() if f"no transform base_link -> {OPTICAL}" in line]
    assert line.startswith("[WARN]"), "and once, not with every image"


def test_two_trees_are_told_apart_from_an_unknown_frame(scene: Scene, answers: Answers) -> None:
    scene.tree.fix(ELSEWHERE, "base_link", "another_camera")
    scene.tree.fix(ELSEWHERE, "camera_body", OPTICAL)
    scene.start()
    scene.client.wait_for(lambda: answers.fits(IN_MAP), "a pose with the map's extrinsics", scene.camera.publish)
    scene.client.wait_for(
        lambda: "not part of the same tree" in scene.diagnostics.value("camera", "extrinsics"),
        "the reason",
        scene.camera.publish,
    )


def test_the_pose_is_that_of_base_frame_through_the_whole_chain(scene: Scene, answers: Answers) -> None:
    footprint = Pose.from_xy_yaw(0.0, 0.2, -0.2, 0.1)
    scene.tree.fix(footprint, "base_footprint", "base_link")
    scene.tree.fix(ON_ROBOT, "base_link", OPTICAL)
    scene.start(base_frame="base_footprint")
    image = image_at(scene.client, time.time_ns(), f"/{OPTICAL}")
    scene.client.wait_for(lambda: answers.fits(footprint.compose(ON_ROBOT)), "the footprint's pose", image)


def test_a_turning_camera_is_where_it_was_when_the_image_was_taken(scene: Scene, answers: Answers) -> None:
    now_ns = time.time_ns()
    scene.start()
    image = image_at(scene.client, now_ns)

    def drive() -> None:
        scene.tree.move(Pose.from_xy_yaw(0.0, 0.0, 0.2), "base_link", OPTICAL, now_ns - SECOND)
        scene.tree.move(Pose.from_xy_yaw(2.0, 0.0, 0.4), "base_link", OPTICAL, now_ns + SECOND)
        image()

    scene.client.wait_for(lambda: answers.fits(Pose.from_xy_yaw(1.0, 0.0, 0.3)), "the camera halfway", drive)


def test_tf_older_than_the_image_still_counts_and_its_age_is_told(scene: Scene, answers: Answers) -> None:
    now_ns = time.time_ns()
    scene.start()
    image = image_at(scene.client, now_ns)

    def drive() -> None:
        scene.tree.move(ON_ROBOT, "base_link", OPTICAL, now_ns - 3 * SECOND)
        image()

    scene.client.wait_for(lambda: answers.fits(ON_ROBOT), "the last known extrinsics", drive)
    scene.client.wait_for(
        lambda: "3.0 s" in scene.diagnostics.value("camera", "extrinsics"), "the age of the transform", drive
    )


def test_nothing_is_asked_of_tf_unless_wanted(scene: Scene, answers: Answers) -> None:
    """TF is open here, for map -> odom; the extrinsics are still the map's."""
    scene.tree.fix(ON_ROBOT, "base_link", OPTICAL)
    scene.start(use_tf="false", publish_tf="true")

    def drive() -> None:
        scene.tree.move(Pose((0.0, 0.0, 0.0)), "odom", "base_link", time.time_ns())
        scene.camera.publish()

    scene.client.wait_for(lambda: scene.tree.sent("map") and len(answers.messages) > 10, "map -> odom and poses", drive)
    assert answers.fits(IN_MAP), answers.newest()


@pytest.mark.parametrize("with_clock", [True, False], ids=["a simulator", "a recording without /clock"])
def test_time_that_jumps_back(scene: Scene, answers: Answers, with_clock: bool) -> None:
    """What TF knew of the first run is the future of the second, and some of it arrives when that has begun.

    What is fixed is latched and comes only once: it must outlive the jump.
    """
    scene.tree.fix(Pose((0.0, 0.0, 0.0)), "base_link", "mast")
    scene.start(use_sim_time=str(with_clock).lower())
    clock = scene.client.node.create_publisher(Clock, "/clock", 10)
    images = scene.client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
    state: dict[str, Any] = {"now_ns": 1000 * SECOND, "extrinsics": ON_ROBOT, "straggling": 0}

    def drive() -> None:
        state["now_ns"] += SECOND // 20
        if with_clock:
            clock.publish(Clock(clock=to_time(state["now_ns"])))
        images.publish(image_message(texture(PLACE), state["now_ns"], OPTICAL))
        if state["straggling"] > 0:
            state["straggling"] -= 1
            scene.tree.move(ON_ROBOT, "mast", OPTICAL, 1000 * SECOND - state["straggling"])
        else:
            scene.tree.move(state["extrinsics"], "mast", OPTICAL, state["now_ns"])

    scene.client.wait_for(lambda: answers.fits(ON_ROBOT), "a pose of the first run", drive)
    assert abs(stamp_ns_of(answers.messages[-1].header.stamp) - state["now_ns"]) < 10 * SECOND
    state.update(now_ns=500 * SECOND, extrinsics=Pose.from_xy_yaw(1.0, 0.0, -0.3), straggling=10)
    scene.client.wait_for(
        lambda: answers.fits(state["extrinsics"]), "a pose with the extrinsics of the second run", drive
    )
    assert stamp_ns_of(answers.messages[-1].header.stamp) < 600 * SECOND


def test_ends_cleanly_while_it_listens_to_tf(scene: Scene, answers: Answers) -> None:
    scene.tree.fix(ON_ROBOT, "base_link", OPTICAL)
    process = scene.start()
    scene.client.wait_for(lambda: answers.fits(ON_ROBOT), "a pose", scene.camera.publish)
    assert process.end() == 0
    assert "Traceback" not in process.output and "Exception" not in process.output, process.output
