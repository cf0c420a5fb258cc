# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Nothing a client sends ends the node: it is answered, named in the diagnostics, and the node goes on."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import Diagnostics, FakeCamera, GraphClient, StartNode, image_message, texture
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

NODE = "/vpr_localizer"
EVERY_TRANSITION = (
    *range(9),
    *range(10, 13),
    *range(20, 23),
    *range(30, 33),
    *range(40, 43),
    *range(50, 53),
    *range(60, 63),
    97,
    255,
)
PATHS_TO = {
    "unconfigured": (),
    "inactive": (Transition.TRANSITION_CONFIGURE,),
    "active": (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE),
    "finalized": (Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,),
}


def change_state(client: GraphClient, number: int, label: str = "") -> bool:
    request = ChangeState.Request(transition=Transition(id=number, label=label))
    return bool(client.call(ChangeState, f"{NODE}/change_state", request).success)


def state(client: GraphClient) -> str:
    return str(client.call(GetState, f"{NODE}/get_state").current_state.label)


def possible(client: GraphClient) -> set[int]:
    found = client.call(GetAvailableTransitions, f"{NODE}/get_available_transitions").available_transitions
    return {description.transition.id for description in found}


@pytest.mark.parametrize("name", PATHS_TO)
def test_a_transition_that_is_not_possible_is_refused_and_named(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics, name: str
) -> None:
    process = start_localizer(map=texture_map, autostart="false")
    for number in PATHS_TO[name]:
        assert change_state(client, number)
    assert state(client) == name
    impossible = [number for number in EVERY_TRANSITION if number not in possible(client)]
    assert len(impossible) >= len(EVERY_TRANSITION) - 3
    for number in impossible:
        assert not change_state(client, number), number
        assert process.is_running, number
    assert not change_state(client, 0, "no such transition")
    assert state(client) == name
    named = f"the lifecycle transition unknown (255) is not possible in the state {name}"
    client.wait_for(lambda: named in diagnostics.value("localizer", "last error"), "the refusal in the diagnostics")
    assert "ros2 lifecycle list" in diagnostics.value("localizer", "last error remedy")
    assert process.end() == 0
    assert "Traceback" not in process.output


def test_a_start_that_failed_and_was_shut_down_is_not_tried_again(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    later = tmp_path / "later"
    process = start_localizer(map=later)
    client.wait_for(lambda: diagnostics.level("localizer") == 2, "an ERROR")
    assert change_state(client, Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    shutil.copytree(texture_map, later)
    count = len(diagnostics)
    client.wait_for(lambda: len(diagnostics) > count + 3, "three more ticks")
    assert state(client) == "finalized"
    assert process.end() == 0


def unreadable_maps(texture_map: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """What the parameter map may be set to, and a word of the answer."""
    yield "~nosuchuser/x", "home folder of a user this machine does not know"
    yield "x" * 300, "File name too long"
    yield "/" + "y/" * 3000, "File name too long"
    yield "a\0b", "does not exist"  # a ROS string ends at the NUL
    yield "/dev/zero", ""
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        shutil.copytree(texture_map, locked)
        (locked / "manifest.yaml").chmod(0)
        yield str(locked), "ermission"
    looped = tmp_path / "looped"
    looped.symlink_to(looped)
    yield str(looped), "symbolic links"
    for number in range(24):
        yield str(damaged(texture_map, tmp_path / f"damaged {number}", random.Random(number))), ""


def damaged(texture_map: Path, path: Path, rng: random.Random) -> Path:
    """A map in which one file has lost, gained or changed some bytes at random."""
    shutil.copytree(texture_map, path)
    file = path / rng.choice(["manifest.yaml", "manifest.yaml", "frames.csv", "descriptors.npy"])
    content = bytearray(file.read_bytes())
    place = rng.randrange(len(content))
    kind = rng.choice(["cut", "change", "insert", "empty", "folder"])
    if kind == "folder":
        file.unlink()
        file.mkdir()
        return path
    if kind == "insert":
        content[place:place] = rng.randbytes(rng.choice([1, 7, 4000]))
    else:
        content[place:] = {"cut": b"", "empty": b"", "change": rng.randbytes(5) + bytes(content[place + 5 :])}[kind]
    file.write_bytes(b"" if kind == "empty" else bytes(content))
    return path


def test_no_map_that_a_client_names_ends_the_node(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=texture_map)
    client.wait_for(lambda: diagnostics.value("map", "path") == str(texture_map), "the map")
    for name, word in unreadable_maps(texture_map, tmp_path):
        answer = client.set_parameter(NODE, "map", name)
        assert process.is_running, name
        if word:
            assert not answer.successful, name
            assert word in answer.reason, (name, answer.reason)
        if not answer.successful:
            assert len(answer.reason) < 3000
            assert "The map in use stays" in answer.reason
    for name in ("model", "engine_cache"):
        answer = client.set_parameter(NODE, name, "~nosuchuser/x")
        assert not answer.successful, name
    assert client.set_parameter(NODE, "map", str(texture_map)).successful
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: poses, "a pose after all that", FakeCamera(client).publish)
    assert process.end() == 0
    assert "Traceback" not in process.output


@pytest.mark.parametrize("name", ["~nosuchuser/map", "x" * 300])
def test_a_path_that_is_none_at_start_is_named_too(
    start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics, name: str
) -> None:
    process = start_localizer(map=name)
    client.wait_for(lambda: diagnostics.level("localizer") == 2, "an ERROR")
    assert "the map" in diagnostics.message("localizer")
    assert process.end() == 0


def values(rng: random.Random) -> ParameterValue:
    """Any value, and some whose type is none."""
    text = "".join(
        chr(rng.choice([0x41, 0x7E, 0x2F, 0x20, 0xE9, 0x1F600, 0x0A])) for _ in range(rng.choice([0, 3, 5000]))
    )
    number = rng.choice([0, -1, 2**63 - 1, -(2**63), 7])
    real = rng.choice([0.0, -1.0, float("nan"), float("inf"), 1e308])
    many = rng.choice([0, 1, 6, 7, 20000])
    return ParameterValue(
        type=rng.choice([*range(11), 77, 255]),
        bool_value=rng.random() < 0.5,
        integer_value=number,
        double_value=real,
        string_value=text,
        byte_array_value=[b"\xff"] * min(many, 7),
        bool_array_value=[True] * many,
        integer_array_value=[number] * many,
        double_array_value=[real] * many,
        string_array_value=[text] * min(many, 7),
    )


def test_parameters_of_any_name_type_and_size_are_answered(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer(map=texture_map)
    client.wait_for(lambda: diagnostics.level("model") == 0, "the model")
    names = client.call(ListParameters, f"{NODE}/list_parameters").result.names
    assert "map" in names
    rng = random.Random(12)
    strange = ["", "/", "a" * 5000, "map\n", "T_base_camera.", "use_sim_time", "qos_overrides.x", "é"]
    for turn in range(150):
        # never the map or the model: a folder that happens to exist is another test's affair
        chosen = rng.choice([name for name in names if name not in ("use_sim_time",)] + strange)
        parameters = [
            Parameter(name=chosen, value=values(rng)),
            Parameter(name="base_frame", value=text_value("base_link")),
        ]
        if turn % 2:
            request: Any = SetParameters.Request(parameters=parameters)
            results = client.call(SetParameters, f"{NODE}/set_parameters", request).results
            assert len(results) == 2, chosen
            assert results[1].successful, results[1].reason  # its neighbour does not take it along
        else:
            request = SetParametersAtomically.Request(parameters=parameters)
            client.call(SetParametersAtomically, f"{NODE}/set_parameters_atomically", request)
        assert process.is_running, chosen
    for service, request in (
        (GetParameters, GetParameters.Request(names=strange)),
        (GetParameterTypes, GetParameterTypes.Request(names=strange)),
        (DescribeParameters, DescribeParameters.Request(names=strange)),
        (ListParameters, ListParameters.Request(prefixes=strange, depth=2**63)),
    ):
        name = {GetParameters: "get_parameters", GetParameterTypes: "get_parameter_types"}.get(
            service, "describe_parameters" if service is DescribeParameters else "list_parameters"
        )
        client.call(service, f"{NODE}/{name}", request)
    described = pytest.importorskip("type_description_interfaces.srv", reason="Humble has no such service")
    for name in strange:
        request = described.GetTypeDescription.Request(type_name=name, type_hash=name, include_type_sources=True)
        client.call(described.GetTypeDescription, f"{NODE}/get_type_description", request)
    assert client.call(Trigger, f"{NODE}/reset").success
    assert process.end() == 0


def text_value(text: str) -> ParameterValue:
    return ParameterValue(type=4, string_value=text)


def torn(message: Image) -> bytes:
    """The serialized message with its end cut off: its length fields promise more."""
    return serialize_message(message)[:60]


def not_utf8(message: Image) -> bytes:
    return serialize_message(message).replace(b"rgb8", b"\xff\xfe\xfd\xfc")


def huge_promise(message: Image) -> bytes:
    """A string that claims four gigabytes."""
    return serialize_message(message)[:12] + b"\xff\xff\xff\xff" + b"x" * 40


@pytest.mark.parametrize("spoil", [torn, not_utf8, huge_promise])
def test_messages_that_are_none_do_not_end_or_deafen_the_node(
    texture_map: Path,
    start_localizer: StartNode,
    client: GraphClient,
    diagnostics: Diagnostics,
    spoil: Callable[[Image], bytes],
) -> None:
    process = start_localizer(map=texture_map)
    client.wait_for(lambda: diagnostics.level("model") == 0, "the model")
    publisher = client.node.create_publisher(Image, "/image", qos_profile_sensor_data)
    client.wait_for(lambda: publisher.get_subscription_count() > 0, "the node's subscription")
    for _ in range(5):
        publisher.publish(spoil(image_message(texture(1), time.time_ns())))
    poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")
    client.wait_for(lambda: poses, "a pose from a good image", FakeCamera(client).publish)
    assert client.call(Trigger, f"{NODE}/reset").success
    assert process.end() == 0
