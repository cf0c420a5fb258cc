# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``initialpose`` waits for whoever needs it, as AMCL that is started after the localizer does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import SPACING_M, Diagnostics, FakeCamera, GraphClient, StartNode
from rclpy.lifecycle import LifecycleNode
from std_srvs.srv import Trigger

from vpr_ros.ros.localizer.initial_pose import OLDEST_S, InitialPose

NODE = "/vpr_localizer"
TOPIC = "/initialpose"


@pytest.fixture
def late(ros_env: dict[str, str]) -> Iterator[GraphClient]:
    """Another node, in place of AMCL."""
    client = GraphClient("amcl")
    yield client
    client.close()


def initial_pose_value(diagnostics: Diagnostics) -> str:
    return diagnostics.value("localizer", "initial pose")


def test_who_is_started_later_gets_the_newest_pose_once(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, late: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=texture_map, hand_over_initialpose="true")
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: "waits for an accepted pose" in initial_pose_value(diagnostics), "what it waits for")
    camera = FakeCamera(client)
    camera.place = 3
    client.wait_for(lambda: len(poses) > 3, "poses", camera.publish)
    camera.place = 8
    client.wait_for(lambda: poses[-1].pose.pose.position.x > 7 * SPACING_M, "poses of the next place", camera.publish)
    client.wait_for(
        lambda: initial_pose_value(diagnostics) == f"waits for a subscriber of {TOPIC}", "what it waits for"
    )

    initial = late.collect(PoseWithCovarianceStamped, TOPIC)  # nothing is published any more: it is the one kept
    late.wait_for(lambda: initial, "the initial pose")
    assert abs(initial[0].pose.pose.position.x - 8 * SPACING_M) < 0.5
    assert initial[0].header.stamp == poses[-1].header.stamp
    client.wait_for(lambda: "handed over" in initial_pose_value(diagnostics), "the hand-over in the diagnostics")
    assert f"handed over on {TOPIC} to amcl" in process.output
    seen = len(poses)
    client.wait_for(lambda: len(poses) > seen + 5, "more poses", camera.publish)
    late.executor.spin_once(timeout_sec=0.1)
    assert len(initial) == 1

    assert client.call(Trigger, f"{NODE}/reset").success
    client.wait_for(lambda: "waits for an accepted pose" in initial_pose_value(diagnostics), "armed again")
    late.wait_for(lambda: len(initial) == 2, "another", camera.publish)


class Giver:
    """The hand-over alone, in the test's own process, with a clock that the test moves."""

    def __init__(self) -> None:
        self.node = LifecycleNode("giver")
        self.now_s = 100.0
        self.pose = InitialPose(self.node, lambda: self.now_s)
        self.node.trigger_configure()
        self.node.trigger_activate()

    def accept(self, x_m: float) -> None:
        message = PoseWithCovarianceStamped()
        message.pose.pose.position.x = x_m
        self.pose.accept(message, wanted=True)

    def subscribers(self) -> int:
        return self.node.count_subscribers(TOPIC)

    def offer(self) -> None:
        self.pose.offer(wanted=True)


@pytest.fixture
def giver(ros_env: dict[str, str]) -> Iterator[Giver]:
    giver = Giver()
    yield giver
    giver.node.destroy_node()


def test_an_old_pose_is_kept_back_and_the_next_one_handed_over(giver: Giver, late: GraphClient) -> None:
    giver.accept(1.0)
    giver.now_s += OLDEST_S + 5.0
    assert giver.pose.describe() == (
        f"the last accepted pose is 15 s old, which is too old: waits for another, then for a subscriber of {TOPIC}"
    )
    initial = late.collect(PoseWithCovarianceStamped, TOPIC)
    late.wait_for(giver.subscribers, "the subscription", giver.offer)
    giver.offer()
    giver.accept(2.0)
    late.wait_for(lambda: initial, "the initial pose")
    assert [pose.pose.pose.position.x for pose in initial] == [2.0]
    assert "handed over 0 s ago" in giver.pose.describe()
    giver.accept(3.0)
    giver.pose.rearm()
    giver.offer()  # nothing was accepted since
    giver.accept(4.0)
    late.wait_for(lambda: len(initial) == 2, "the next one")
    assert initial[-1].pose.pose.position.x == 4.0


def test_a_tool_that_listens_is_shown_it_and_takes_it_from_nobody(giver: Giver, late: GraphClient) -> None:
    tool = GraphClient("_ros2cli_123")
    shown = tool.collect(PoseWithCovarianceStamped, TOPIC)
    giver.accept(1.0)
    tool.wait_for(lambda: shown, "the initial pose", giver.offer)
    assert "waits for a subscriber" in giver.pose.describe()
    initial = late.collect(PoseWithCovarianceStamped, TOPIC)
    late.wait_for(lambda: initial, "the initial pose", giver.offer)
    assert "handed over" in giver.pose.describe()
    tool.executor.spin_once(timeout_sec=0.1)
    tool.close()


def test_an_inactive_node_hands_nothing_over_and_forgets(giver: Giver, late: GraphClient) -> None:
    giver.accept(1.0)
    giver.node.trigger_deactivate()
    initial = late.collect(PoseWithCovarianceStamped, TOPIC)
    late.wait_for(giver.subscribers, "the subscription", giver.offer)
    giver.offer()
    assert "waits for" in giver.pose.describe()
    giver.node.trigger_activate()
    late.wait_for(lambda: initial, "the initial pose", giver.offer)
    assert len(initial) == 1
