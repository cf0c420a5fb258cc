# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The bond with Nav2's lifecycle manager, whose side of it bondpy takes here as bondcpp does in Nav2."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path
from typing import Any

import pytest
from harness import GraphClient, RosProcess, StartNode
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

NODE = "/vpr_localizer"


def change_state(client: GraphClient, number: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=number))
    return bool(client.call(ChangeState, f"{NODE}/change_state", request).success)


def activated(place_map: Path, start_localizer: StartNode, client: GraphClient) -> RosProcess:
    process = start_localizer(map=place_map, autostart="false")
    assert change_state(client, Transition.TRANSITION_CONFIGURE)
    assert change_state(client, Transition.TRANSITION_ACTIVATE)
    return process


def test_the_sign_of_life_is_regular_and_ends_with_a_word(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    status_type: Any = pytest.importorskip("bond.msg", reason="needs ROS 2's package bond").Status
    heard = client.collect(status_type, "/bond")
    process = activated(texture_map, start_localizer, client)
    client.wait_for(lambda: len(heard) > 10, "a second of it", deadline_s=4.0)
    assert {(status.id, status.active) for status in heard} == {("vpr_localizer", True)}
    first = {status.instance_id for status in heard}
    assert change_state(client, Transition.TRANSITION_DEACTIVATE)
    client.wait_for(lambda: not heard[-1].active, "the end")
    assert change_state(client, Transition.TRANSITION_ACTIVATE)
    client.wait_for(lambda: heard[-1].active, "another beginning")
    assert first.isdisjoint({heard[-1].instance_id})
    assert process.end(signal.SIGTERM) == 0
    client.wait_for(lambda: not heard[-1].active, "the end with the process")


def test_a_manager_forms_a_bond_and_hears_of_its_end(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    """The manager's side as ``nav2_lifecycle_manager`` takes it once it has activated a node."""
    bondpy: Any = pytest.importorskip("bondpy.bondpy", reason="needs ROS 2's bondpy")
    process = activated(texture_map, start_localizer, client)
    formed: list[bool] = []
    bond = bondpy.Bond(client.node, "bond", "vpr_localizer", on_formed=lambda: formed.append(True))
    bond.set_heartbeat_timeout(4.0)
    bond.set_heartbeat_period(0.1)
    bond.start()
    client.wait_for(lambda: formed, "the bond", deadline_s=4.0)
    assert not bond.is_broken()
    assert change_state(client, Transition.TRANSITION_DEACTIVATE)
    client.wait_for(bond.is_broken, "its end", deadline_s=3.0)  # not after 4 s of silence: it was said
    assert process.end() == 0


@pytest.mark.skipif(importlib.util.find_spec("bond") is not None, reason="the package bond is installed")
def test_without_the_package_the_log_says_what_the_manager_needs(
    texture_map: Path, start_localizer: StartNode, client: GraphClient
) -> None:
    process = activated(texture_map, start_localizer, client)
    client.wait_for(lambda: "bond_timeout to 0.0" in process.output, "the hint")
    assert process.end() == 0
