"""A model that never returns: reported, never run twice at once, and no obstacle to the end of the process."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import Diagnostics, FakeCamera, GraphClient, RosProcess, StartNode
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from stuck_model import make_stuck_map, white

NODE = "/vpr_localizer"
OK, ERROR = 0, 2


@pytest.fixture(scope="module")
def stuck_map(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_stuck_map(tmp_path_factory.mktemp("stuck"))


def change_state(client: GraphClient, number: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=number))
    return bool(client.call(ChangeState, f"{NODE}/change_state", request).success)


def end_quickly(process: RosProcess, with_signal: int) -> None:
    began_s = time.monotonic()
    assert process.end(with_signal) == 0
    assert time.monotonic() - began_s < 10.0  # a few seconds on a machine with nothing else to do
    for word in ("Traceback", "terminate called", "Fatal", "abort"):
        assert word not in process.output


def test_it_is_reported_blocks_another_activation_and_lets_the_process_end(
    stuck_map: tuple[Path, Path], start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    place_map, model = stuck_map
    process = start_localizer(map=place_map, model=model)
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: poses, "a pose", FakeCamera(client).publish)
    publisher = client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
    client.wait_for(lambda: publisher.get_subscription_count() > 0, "the node's subscription")

    publisher.publish(white())
    client.wait_for(
        lambda: "working on one image" in diagnostics.message("localizer"),
        "the report",
        lambda: publisher.publish(white()),
    )
    assert diagnostics.level("localizer") == ERROR
    assert "of camera camera for 1" in diagnostics.message("localizer")  # at least ten seconds
    assert "restart the node with another model or provider" in diagnostics.message("localizer")
    answer = client.call(Trigger, f"{NODE}/localize")
    assert not answer.success
    assert "working on one image" in answer.message  # at once, not after half a minute

    assert change_state(client, Transition.TRANSITION_DEACTIVATE)
    assert not change_state(client, Transition.TRANSITION_ACTIVATE)  # else two of them would run the model
    assert client.call(GetState, f"{NODE}/get_state").current_state.label == "inactive"
    client.wait_for(
        lambda: "still works on an image" in diagnostics.value("localizer", "last error"), "why it is not activated"
    )
    assert "restart the node" in diagnostics.value("localizer", "last error remedy")
    assert diagnostics.level("localizer") == ERROR
    end_quickly(process, signal.SIGINT)


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_model_is_stuck_answers_the_caller_and_ends_the_process(
    stuck_map: tuple[Path, Path],
    start_localizer: StartNode,
    client: GraphClient,
    diagnostics: Diagnostics,
    with_signal: int,
) -> None:
    place_map, model = stuck_map
    process = start_localizer(map=place_map, model=model)
    publisher = client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
    client.wait_for(
        lambda: int(diagnostics.value("camera", "received") or 0) > 0, "an image", lambda: publisher.publish(white())
    )
    caller = client.node.create_client(Trigger, f"{NODE}/localize")
    client.wait_for(caller.service_is_ready, "the service")
    client.introduce(NODE)
    publisher.publish(white())
    future = caller.call_async(Trigger.Request())
    count = len(diagnostics)
    client.wait_for(lambda: len(diagnostics) >= count + 3, "diagnostics meanwhile")
    assert not future.done()
    end_quickly(process, with_signal)
    client.wait_for(future.done, "the last answer")
    assert not future.result().success
    assert "stopped before there was an answer" in future.result().message
