"""What ``ros2 param dump`` asks for, and that the node starts with what it was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Diagnostics, GraphClient, StartNode
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.parameter import parameter_value_to_python

from vpr_ros.ros.localizer.parameters import node_specs

NODE = "/vpr_localizer"
EXTRINSICS = "T_base_camera.camera"


def dumped(client: GraphClient) -> dict[str, Any]:
    """Every parameter by name: the two calls that the tool makes."""
    names = client.call(ListParameters, f"{NODE}/list_parameters").result.names
    values = client.call(GetParameters, f"{NODE}/get_parameters", GetParameters.Request(names=names)).values
    return dict(zip(names, map(parameter_value_to_python, values), strict=True))


def as_file(path: Path, flat: dict[str, Any]) -> Path:
    """As the tool writes it: nested at the points, below the node's name."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *above, last = name.split(".")
        below = tree
        for part in above:
            below = below.setdefault(part, {})
        below[last] = list(value) if not isinstance(value, (str, bool, int, float)) else value
    path.write_text(yaml.safe_dump({NODE: {"ros__parameters": tree}}))
    return path


def test_every_parameter_has_a_value_and_the_file_starts_the_node_again(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    first = start_localizer(map=texture_map, base_frame="base_footprint")
    client.wait_for(lambda: diagnostics.level("model") == 0, "the model")
    before = dumped(client)
    assert {*node_specs(), EXTRINSICS, "use_sim_time"} <= set(before)
    assert list(before[EXTRINSICS]) == []
    assert (before["map"], before["base_frame"]) == (str(texture_map), "base_footprint")
    assert first.end() == 0
    second = start_localizer("--params-file", str(as_file(tmp_path / "dump.yaml", before)))
    client.wait_for(lambda: f"map {texture_map}" in second.output or not second.is_running, "the second start")
    assert second.is_running
    assert dumped(client) == before


def test_extrinsics_can_be_given_and_taken_back(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    start_localizer(map=texture_map)
    client.wait_for(lambda: diagnostics.level("model") == 0, "the model")
    assert client.set_parameter(NODE, EXTRINSICS, [0.1, 0.0, 1.0, 0.0, 0.0, 0.5]).successful
    assert list(dumped(client)[EXTRINSICS]) == pytest.approx([0.1, 0.0, 1.0, 0.0, 0.0, 0.5])
    assert not client.set_parameter(NODE, EXTRINSICS, [0.1, 0.0]).successful


@pytest.mark.parametrize("name", ["cameras", "map"])
def test_an_empty_list_in_the_wrong_place_is_one_line(name: str, tmp_path: Path, start_localizer: StartNode) -> None:
    process = start_localizer("--params-file", str(as_file(tmp_path / "own.yaml", {name: []})))
    assert process.process.wait(30) == 2
    assert process.output.startswith("error: ") and process.output.count("\n") == 1
    assert name in process.output


def test_an_old_name_of_a_parameter_is_taken_with_a_warning(
    texture_map: Path, tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    old, new = "localizer.radius_m", "localizer.pose_radius_m"
    warning = f"parameter {old} is now called {new}; the next release will not know the old name"
    own = as_file(tmp_path / "own.yaml", {"map": str(texture_map), old: 3.0})
    process = start_localizer("--params-file", str(own))
    client.wait_for(lambda: diagnostics.level("model") == 0, "the model")
    assert process.output.count(warning) == 1
    values = dumped(client)
    assert values[new] == 3.0 and old not in values
    assert client.set_parameter(NODE, old, 2.0).successful
    assert dumped(client)[new] == 2.0
    assert process.output.count(warning) == 2
    assert not client.set_parameter(NODE, old, -1.0).successful
    assert dumped(client)[new] == 2.0


def test_two_names_of_one_parameter_are_refused(tmp_path: Path, start_localizer: StartNode) -> None:
    both = {"localizer.radius_m": 3.0, "localizer.pose_radius_m": 3.0}
    process = start_localizer("--params-file", str(as_file(tmp_path / "own.yaml", both)))
    assert process.process.wait(30) == 2
    assert "are given, which are one and the same. Leave localizer.radius_m out." in process.output
