# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What others owe the node, and what it is told in vain."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from harness import Diagnostics, GraphClient, StartNode
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rosgraph_msgs.msg import Clock

from vpr_ros.ros.messages import to_time

WARN = 1


def test_simulated_time_that_does_not_come_is_a_warning_until_it_does(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer(map=texture_map, use_sim_time="true")
    owed = "use_sim_time is true and no time comes on /clock (0 publishers)"
    client.wait_for(lambda: owed in diagnostics.message("localizer"), "a warning")
    assert diagnostics.level("localizer") == WARN
    assert "set use_sim_time to false" in diagnostics.message("localizer")
    clock = client.node.create_publisher(Clock, "/clock", 10)
    client.wait_for(
        lambda: "use_sim_time" not in diagnostics.message("localizer"),
        "time",
        lambda: clock.publish(Clock(clock=to_time(time.monotonic_ns()))),
    )


def test_names_carry_the_namespace_and_a_node_shut_down_says_that_it_is_over(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer("-r", "__ns:=/robot1", map=texture_map)
    client.wait_for(lambda: diagnostics["camera camera"], "diagnostics")
    for part in ("localizer", "map", "model", "camera camera"):
        status = diagnostics[part]
        assert status is not None
        assert (status.name, status.hardware_id) == (f"/robot1/vpr_localizer: {part}", "/robot1/vpr_localizer")
    change = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVE_SHUTDOWN))
    assert client.call(ChangeState, "/robot1/vpr_localizer/change_state", change).success
    client.wait_for(lambda: "finalized" in diagnostics.message("localizer"), "the last state")
    assert diagnostics.message("localizer") == "finalized: the node was shut down for good, start its process again"


@pytest.mark.parametrize("remapped", [True, False])
def test_odometry_that_nobody_listens_to_is_said(
    remapped: bool, texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    off = ("-p", "filter.enabled:=false")
    process = start_localizer(*off, *(("-r", "odom:=/wheel/odometry") if remapped else ()), map=texture_map)
    client.wait_for(lambda: diagnostics["map"], "the map")
    assert client.node.count_subscribers("/wheel/odometry") == client.node.count_subscribers("/odom") == 0
    assert ("/wheel/odometry is not subscribed to" in process.output) is remapped
