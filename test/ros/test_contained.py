# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The edge of a node: what a callback raises is reported, its caller answered, and every other callback goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from harness import GraphClient
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.contained import ContainedExecutor, contain_services

BAD = ConfigError("found 7", "Give 8")


class FragileNode(Node):  # type: ignore[misc]
    """Raises wherever it is touched."""

    def __init__(self) -> None:
        super().__init__("fragile")
        self.reported: list[tuple[str, BaseException]] = []
        self.heard: list[str] = []
        self.ticks = 0
        self.declare_parameter("number", 1)
        self.declare_parameter("other", 1)
        self.subscription = self.create_subscription(String, "fragile_topic", self._on_string, 10)
        self.create_service(Trigger, "~/plain", self._on_trigger)
        self.create_service(SetBool, "~/awaiting", self._on_set_bool)
        self.create_timer(0.05, self._on_timer)

    def report(self, source: str, error: BaseException) -> None:
        self.reported.append((source, error))

    def _on_string(self, message: String) -> None:
        self.heard.append(message.data)
        if message.data == "bad":
            raise BAD

    def _on_trigger(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, "half done"
        raise BAD

    async def _on_set_bool(self, _: Any, response: Any) -> Any:
        raise RuntimeError("no VprError at all")

    def _on_timer(self) -> None:
        self.ticks += 1
        raise KeyError("tick")


@pytest.fixture
def fragile(ros_env: dict[str, str]) -> Iterator[FragileNode]:
    node = FragileNode()
    executor = ContainedExecutor(node.report)
    executor.add_node(node)
    contain_services(node)
    enough = threading.Event()

    def spin() -> None:
        while not enough.is_set():
            executor.spin_once(0.05)

    thread = threading.Thread(target=spin)
    thread.start()
    yield node
    enough.set()
    thread.join()
    executor.shutdown()
    node.destroy_node()  # type: ignore[no-untyped-call]


def test_a_timer_that_raises_is_called_again(fragile: FragileNode, client: GraphClient) -> None:
    client.wait_for(lambda: fragile.ticks > 2, "more ticks")
    assert ("timer", "KeyError") in {(source, type(error).__name__) for source, error in fragile.reported}


def test_a_message_that_raises_is_reported_and_the_next_one_heard(fragile: FragileNode, client: GraphClient) -> None:
    publisher = client.node.create_publisher(String, "fragile_topic", 10)
    client.wait_for(lambda: publisher.get_subscription_count() > 0, "the subscription")
    for text in ("bad", "good"):
        publisher.publish(String(data=text))
    client.wait_for(lambda: fragile.heard == ["bad", "good"], "both messages")
    assert ("topic /fragile_topic", BAD) in fragile.reported


def test_a_message_that_cannot_be_read_leaves_the_node_able_to_hear(fragile: FragileNode, client: GraphClient) -> None:
    """Reading fails before the callback; rclpy then never waits for the topic again, nor for its whole group."""
    publisher = client.node.create_publisher(String, "fragile_topic", 10)
    client.wait_for(lambda: publisher.get_subscription_count() > 0, "the subscription")
    fragile.subscription.msg_type = object  # type: ignore[assignment]  # has nothing that a message could be read into
    publisher.publish(String(data="unread"))
    client.wait_for(lambda: any(source.startswith("topic") for source, _ in fragile.reported), "the report")
    fragile.subscription.msg_type = String
    publisher.publish(String(data="read"))
    client.wait_for(lambda: fragile.heard == ["unread", "read"], "both messages")
    ticks = fragile.ticks
    client.wait_for(lambda: fragile.ticks > ticks, "the timer of the same group")


def test_a_service_that_raises_says_no_and_why(fragile: FragileNode, client: GraphClient) -> None:
    answer = client.call(Trigger, "/fragile/plain")
    assert (answer.success, answer.message) == (False, "found 7. Give 8.")
    assert ("service ~/plain", BAD) in fragile.reported
    awaited = client.call(SetBool, "/fragile/awaiting")
    assert not awaited.success
    assert "no VprError at all" in awaited.message


def test_every_service_is_contained_ros_s_own_too(fragile: FragileNode) -> None:
    assert len(list(fragile.services)) > 7
    assert all(asyncio.iscoroutinefunction(service.callback) for service in fragile.services)


def test_parameters_of_no_type_are_refused_one_by_one(fragile: FragileNode, client: GraphClient) -> None:
    none = ParameterMessage(name="number", value=ParameterValue(type=77))
    good = Parameter("other", value=5).to_parameter_msg()
    request = SetParameters.Request(parameters=[none, good, none])
    results = client.call(SetParameters, "/fragile/set_parameters", request).results
    assert [result.successful for result in results] == [False, True, False]
    assert "77" in results[0].reason
    assert fragile.get_parameter("other").value == 5
    together = SetParametersAtomically.Request(parameters=[good, none])
    result = client.call(SetParametersAtomically, "/fragile/set_parameters_atomically", together).result
    assert not result.successful
    assert "77" in result.reason
