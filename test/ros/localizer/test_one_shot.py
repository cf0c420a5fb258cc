# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``~/localize`` with a crowd: everybody is answered, and the rest of the node goes on meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from harness import Diagnostics, FakeCamera, GraphClient, StartNode
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from stuck_model import make_stuck_map, white

from vpr_ros.ros.localizer import one_shot
from vpr_ros.ros.localizer.one_shot import OneShotService

NODE = "/vpr_localizer"
CROWD = 200


def crowd(client: GraphClient, clients: int) -> list[Client]:
    # A client keeps no more answers than its queue is long, and a busy machine lets all of them come at once.
    queue = QoSProfile(depth=CROWD)
    found = [client.node.create_client(Trigger, f"{NODE}/localize", qos_profile=queue) for _ in range(clients)]
    for one in found:
        client.wait_for(one.service_is_ready, "the service")
    client.introduce(NODE)
    return found


def call(callers: Sequence[Client]) -> list[Future]:
    """CROWD calls at once, by turns."""
    return [callers[number % len(callers)].call_async(Trigger.Request()) for number in range(CROWD)]


@pytest.mark.parametrize("clients", [1, 50])
@pytest.mark.parametrize("continuous", ["false", "true"])
def test_a_crowd_is_answered(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, clients: int, continuous: str
) -> None:
    start_localizer(map=texture_map, continuous=continuous)
    camera = FakeCamera(client)
    callers = crowd(client, clients)
    first = client.wait_for(
        lambda: (answer := client.call(Trigger, f"{NODE}/localize")).success and answer, "an answer", camera.publish
    )
    assert first.message.startswith("x ")
    camera.publish()
    futures = call(callers)
    client.wait_for(lambda: all(future.done() for future in futures), "every answer", camera.publish)
    refused = {future.result().message for future in futures if not future.result().success}
    assert not refused


def test_a_crowd_that_cannot_be_helped_is_told_so(start_localizer: StartNode, client: GraphClient) -> None:
    start_localizer()
    futures = call(crowd(client, 1))
    client.wait_for(lambda: all(future.done() for future in futures), "every answer")
    assert {future.result().success for future in futures} == {False}
    refusal = "failed (not_active): the node is unconfigured"
    assert all(future.result().message.startswith(refusal) for future in futures)


def test_diagnostics_go_on_while_a_crowd_waits_and_deactivation_answers_it(
    tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    place_map, model = make_stuck_map(tmp_path)
    process = start_localizer(map=place_map, model=model)
    callers = crowd(client, 1)
    publisher = client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
    client.wait_for(
        lambda: int(diagnostics.value("camera", "received") or 0) > 0, "an image", lambda: publisher.publish(white())
    )
    publisher.publish(white())
    futures = call(callers)
    count = len(diagnostics)
    client.wait_for(lambda: len(diagnostics) >= count + 2, "diagnostics meanwhile", lambda: publisher.publish(white()))
    assert not any(future.done() for future in futures)
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    assert client.call(ChangeState, f"{NODE}/change_state", request).success
    client.wait_for(lambda: all(future.done() for future in futures), "every answer")
    assert {future.result().message for future in futures} == {
        "failed (stopped): the node stopped before there was an answer. Activate it again."
    }
    assert process.end() == 0


def test_who_waits_too_long_is_told_so(client: GraphClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the test's own process, with a worker that never answers."""
    monkeypatch.setattr(one_shot, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(one_shot, "MOST_WAITING", 3)
    service = OneShotService(client.node, lambda _: None, Clock(clock_type=ClockType.STEADY_TIME))
    caller = client.node.create_client(Trigger, f"/{client.node.get_name()}/localize")
    client.wait_for(caller.service_is_ready, "the service")
    begun_s = time.monotonic()
    futures = [caller.call_async(Trigger.Request()) for _ in range(3)]
    client.wait_for(lambda: service.waiting == 3, "the callers")
    one_too_many = client.call(Trigger, f"/{client.node.get_name()}/localize")
    assert not one_too_many.success and one_too_many.message.startswith("failed (too_many_callers): 3 callers wait ")
    service.expire()
    client.wait_for(lambda: all(future.done() for future in futures), "the answers", service.expire)
    assert time.monotonic() - begun_s >= 0.3
    late = "failed (model_stuck): the model did not answer within 0.3 s."
    assert all(future.result().message.startswith(late) for future in futures)
    assert service.waiting == 0
