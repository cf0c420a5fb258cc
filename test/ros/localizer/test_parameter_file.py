# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A launch file reads a parameter file as ROS does: what is meant for another node is not taken for the localizer's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.localizer.parameter_file import read_parameter_file

NODE = "/robot/vpr_localizer"


def written(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "name",
    ["/**", "/*/vpr_localizer", "/robot/vpr_localizer", "robot/vpr_localizer", "/**/vpr_localizer", "/robot/*"],
)
def test_every_name_that_ros_takes_for_the_node(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"{name}:\n  ros__parameters:\n    map_frame: site\n")
    assert read_parameter_file(path, NODE) == {"map_frame": "site"}


@pytest.mark.parametrize("name", ["vpr_localizer", "/vpr_localizer", "/*", "slam_toolbox", "/robot/vpr", "robot"])
def test_what_is_meant_for_another_node(tmp_path: Path, name: str) -> None:
    assert read_parameter_file(written(tmp_path, f"{name}:\n  ros__parameters:\n    map_frame: x\n"), NODE) is None


def test_namespaces_may_be_nested_and_the_later_section_wins(tmp_path: Path) -> None:
    text = (
        "/**:\n  ros__parameters: {map: one, base_frame: base}\n"
        "slam_toolbox:\n  ros__parameters: {map_frame: theirs}\n"
        "robot:\n  vpr_localizer:\n    ros__parameters: {map: two}\n"
    )
    assert read_parameter_file(written(tmp_path, text), NODE) == {"map": "two", "base_frame": "base"}


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "map: here\n", "ros__parameters:\n  map: x\n"])
def test_a_file_without_a_section(tmp_path: Path, text: str) -> None:
    assert read_parameter_file(written(tmp_path, text), NODE) is None


def test_a_section_without_a_parameter_is_one(tmp_path: Path) -> None:
    assert read_parameter_file(written(tmp_path, "/**:\n  ros__parameters:\n"), NODE) == {}


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no_such"):
        read_parameter_file(tmp_path / "no_such.yaml", NODE)
    with pytest.raises(ConfigError, match="not YAML"):
        read_parameter_file(written(tmp_path, "a: [1\n"), NODE)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="no regular file"):
        read_parameter_file(tmp_path / "pipe", NODE)
