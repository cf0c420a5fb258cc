"""map -> odom, composed and broadcast by the running node on real TF."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tf2_ros", reason="needs tf2_ros of a ROS installation; PyPI has none")

from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from harness import GraphClient, RosProcess, StartNode, image_message, texture
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from nav_msgs.msg import Odometry
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from tf_tree import Scene

from vpr_ros.core.message_fields import stamp_ns_of
from vpr_ros.core.pose import Pose
from vpr_ros.inference import open_extractor
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.ros.messages import to_time
from vpr_ros.ros.tools.simulate import build_parser, simulated_source

NODE = "/vpr_localizer"
PLACE = 4
SECOND = 1_000_000_000
ERROR, OK = 2, 0
SAME_M, SAME_RAD = 1e-6, 1e-6
NEAR_M = 3.0
TOLERANCE_S = 0.5
DRIVE = ("--seed", "3", "--distance-m", "48", "--rate-hz", "4", "--width-px", "320", "--height-px", "240")


@pytest.fixture
def scene(start_localizer: StartNode, texture_map: Path, client: GraphClient) -> Scene:
    return Scene.of(start_localizer, texture_map, client, PLACE)


@pytest.fixture
def poses(client: GraphClient) -> list[Any]:
    return client.collect(PoseWithCovarianceStamped, f"{NODE}/pose", QoSProfile(depth=1000))


def to_pose(message: Any) -> Pose:
    point, turn = message.pose.pose.position, message.pose.pose.orientation
    return Pose((point.x, point.y, point.z), (turn.x, turn.y, turn.z, turn.w))


def odometry(stamp_ns: int, start_ns: int) -> Pose:
    """A robot that drives a curve, fast enough for odometry of another moment to be wrong."""
    elapsed_s = (stamp_ns - start_ns) / 1e9
    return Pose.from_xy_yaw(100.0 + 2.0 * elapsed_s, -7.0, 1.0 + 0.8 * elapsed_s)


@pytest.fixture
def drive(scene: Scene) -> Callable[[], None]:
    """An image, and odometry that is always late: it says where the robot was 0.1 s ago."""
    start_ns = time.time_ns()

    def step() -> None:
        scene.camera.publish()
        late_ns = time.time_ns() - SECOND // 10
        scene.tree.move(odometry(late_ns, start_ns), "odom", "base_link", late_ns)

    return step


def chains_end_at_a_pose(T_map_odom: Pose, poses: list[Any], T_odom_base: Callable[[int], Pose | None]) -> bool:
    """Whether map -> odom -> base is one of the published poses at the time of its image."""
    for message in poses:
        moved = T_odom_base(stamp_ns_of(message.header.stamp))
        if moved is None:
            continue
        chained, pose = T_map_odom.compose(moved), to_pose(message)
        if chained.distance_m(pose) < SAME_M and chained.angle_rad(pose) < SAME_RAD:
            return True
    return False


def test_every_correction_meets_the_odometry_of_its_image_although_that_comes_later(
    scene: Scene, poses: list[Any], drive: Callable[[], None]
) -> None:
    scene.start(publish_tf="true")
    scene.client.wait_for(lambda: len({T.position_m for _, T in scene.tree.sent("map")}) > 5, "some corrections", drive)
    for T_map_odom in {T.position_m: T for _, T in scene.tree.sent("map")}.values():
        # TF interpolates the turn evenly and the shift along a straight line, as the robot of this test moves.
        assert chains_end_at_a_pose(T_map_odom, poses, lambda ns: scene.tree.lookup("odom", "base_link", ns)), (
            T_map_odom
        )


def test_stamps_run_on_ahead_of_the_images_also_between_them(
    scene: Scene, poses: list[Any], drive: Callable[[], None]
) -> None:
    scene.start(publish_tf="true", tf_tolerance_s=TOLERANCE_S)
    scene.client.wait_for(lambda: scene.tree.sent("map"), "map -> odom", drive)
    newest_ns = max(stamp_ns_of(message.header.stamp) for message in poses)
    # No image any more: listeners still find the transform of their own moment.
    scene.client.wait_for(lambda: scene.tree.sent("map")[-1][0] > newest_ns + 3 * SECOND, "it is kept alive")
    stamps_ns = [stamp_ns for stamp_ns, _ in scene.tree.sent("map")]
    assert stamps_ns == sorted(set(stamps_ns)), "strictly forward: tf2 warns about repeated stamps"
    assert scene.tree.lookup("map", "odom", time.time_ns()) is not None
    ahead_s = (stamps_ns[-1] - time.time_ns()) / 1e9
    assert ahead_s < TOLERANCE_S + 0.1


def test_one_answer_on_request_is_enough(scene: Scene, poses: list[Any], drive: Callable[[], None]) -> None:
    scene.start(publish_tf="true", continuous="false")

    def asked() -> bool:
        return bool(scene.client.call(Trigger, f"{NODE}/localize").success)

    scene.client.wait_for(lambda: poses or asked(), "an answer", drive)
    scene.client.wait_for(lambda: len(scene.tree.sent("map")) > 20, "map -> odom, again and again", drive)
    assert len({T.position_m for _, T in scene.tree.sent("map")}) == 1
    assert chains_end_at_a_pose(
        scene.tree.sent("map")[-1][1], poses, lambda ns: scene.tree.lookup("odom", "base_link", ns)
    )


def test_missing_odometry_is_an_error_of_the_transform_and_not_of_the_pose(
    scene: Scene, poses: list[Any], drive: Callable[[], None]
) -> None:
    process = scene.start(publish_tf="true")
    scene.client.wait_for(lambda: scene.diagnostics.level("localizer") == ERROR, "an ERROR", scene.camera.publish)
    said = scene.diagnostics.message("localizer")
    assert "publish_tf lacks the odometry" in said and '"odom"' in said and "Start the odometry" in said
    scene.client.wait_for(
        lambda: int(scene.diagnostics.value("camera", "accepted") or 0) > 0, "counted answers", scene.camera.publish
    )
    assert poses and scene.diagnostics.value("camera", "failed") == "0"
    assert "publish_tf lacks the odometry" in process.output
    assert not scene.tree.sent("map")
    scene.client.wait_for(
        lambda: scene.tree.sent("map") and scene.diagnostics.level("localizer") == OK, "OK with odometry", drive
    )


def test_odometry_that_stopped_is_not_taken_for_that_of_now(scene: Scene) -> None:
    scene.start(publish_tf="true")
    stopped_ns = time.time_ns()

    def drive() -> None:
        scene.camera.publish()
        scene.tree.move(Pose((5.0, 0.0, 0.0)), "odom", "base_link", stopped_ns)

    scene.client.wait_for(lambda: scene.diagnostics.level("localizer") == ERROR, "an ERROR", drive)
    assert "Lookup would require extrapolation" in scene.diagnostics.message("localizer")
    assert not scene.tree.sent("map")


def test_parameters_and_lifecycle_stop_the_broadcast(scene: Scene, drive: Callable[[], None]) -> None:
    scene.start()
    scene.client.wait_for(lambda: scene.client.node.count_publishers(f"{NODE}/pose"), "the node", drive)
    own = scene.client.node.count_publishers("/tf")
    assert scene.client.set_parameter(NODE, "publish_tf", True).successful
    scene.client.wait_for(lambda: len(scene.tree.sent("map")) > 3, "map -> odom", drive)
    assert scene.client.node.count_publishers("/tf") == own + 1, "the node is a publisher of /tf only when it publishes"
    assert scene.client.set_parameter(NODE, "publish_tf", False).successful
    falls_silent(scene, drive)
    assert scene.client.set_parameter(NODE, "publish_tf", True).successful
    seen = len(scene.tree.sent("map"))
    scene.client.wait_for(lambda: len(scene.tree.sent("map")) > seen, "map -> odom again", drive)
    change = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    assert scene.client.call(ChangeState, f"{NODE}/change_state", change).success
    falls_silent(scene, drive)


def falls_silent(scene: Scene, drive: Callable[[], None]) -> None:
    """What was under way may still come; then two seconds of images bring nothing."""
    stamps_ns: list[int] = []

    def drive_on() -> None:
        drive()
        stamps_ns.append(time.time_ns())

    scene.client.wait_for(lambda: len(stamps_ns) > 40, "images", drive_on)
    last_ns = scene.tree.sent("map")[-1][0]
    assert last_ns < stamps_ns[10] + SECOND * TOLERANCE_S, "it went on"


@pytest.mark.parametrize("with_clock", [True, False], ids=["slow simulator", "recording without /clock"])
def test_the_stamps_keep_to_the_time_of_the_images(scene: Scene, poses: list[Any], with_clock: bool) -> None:
    scene.start(publish_tf="true", tf_tolerance_s=0.1, use_sim_time=str(with_clock).lower())
    clock = scene.client.node.create_publisher(Clock, "/clock", 10)
    images = scene.client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
    T_odom_base = Pose.from_xy_yaw(3.0, 1.0, 0.5)
    started_ns, rate = time.time_ns(), (0.25 if with_clock else 1.0)

    def now_ns() -> int:
        return 1000 * SECOND + round(rate * (time.time_ns() - started_ns))

    def play() -> None:
        stamp_ns = now_ns()
        if with_clock:
            clock.publish(Clock(clock=to_time(stamp_ns)))
        images.publish(image_message(texture(PLACE), stamp_ns))
        scene.tree.move(T_odom_base, "odom", "base_link", stamp_ns)

    scene.client.wait_for(lambda: len(scene.tree.sent("map")) > 20, "map -> odom", play)
    assert 1000 * SECOND < scene.tree.sent("map")[0][0] <= scene.tree.sent("map")[-1][0] <= now_ns() + SECOND // 10
    assert chains_end_at_a_pose(scene.tree.sent("map")[-1][1], poses, lambda _: T_odom_base)


def test_the_simulated_robot_ends_up_where_it_is(
    scene: Scene, tmp_path: Path, start_process: Callable[..., RosProcess], poses: list[Any]
) -> None:
    """Odometry that begins elsewhere and drifts, as `simulate` publishes it, and a tree that others can use."""
    source = simulated_source(build_parser().parse_args(DRIVE))
    build_map(source, open_extractor(None), tmp_path / "map", BuildConfig(min_distance_m=0.0, min_angle_rad=0.0))
    known: dict[int, Pose] = {}

    def relay(message: Odometry) -> None:
        stamp_ns = stamp_ns_of(message.header.stamp)
        known[stamp_ns] = to_pose(message)
        scene.tree.move(known[stamp_ns], message.header.frame_id, message.child_frame_id, stamp_ns)

    scene.client.node.create_subscription(Odometry, "/odom", relay, 100)
    truth = scene.client.collect(PoseStamped, "/simulate/ground_truth", 100)
    scene.start(map=tmp_path / "map", publish_tf="true")
    start_process("vpr_ros.ros.tools.simulate", *DRIVE, "--wait-for", "vpr_localizer", "--wait-for", "test_client")
    scene.client.wait_for(lambda: len({T.position_m for _, T in scene.tree.sent("map")}) > 3, "some corrections")
    for _, T_map_odom in scene.tree.sent("map"):
        assert chains_end_at_a_pose(T_map_odom, poses, known.get), T_map_odom
    true_ns, true = stamp_ns_of(truth[-1].header.stamp), truth[-1].pose.position
    T_map_base = scene.client.wait_for(lambda: scene.tree.lookup("map", "base_link", true_ns), "the whole chain")
    assert T_map_base.distance_m(Pose((true.x, true.y, true.z))) < NEAR_M
