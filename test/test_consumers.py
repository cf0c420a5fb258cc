# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The settings that docs/consumers.md tells users to take: YAML, with vectors as robot_localization reads them."""

from __future__ import annotations

from pathlib import Path

import yaml

SETTINGS = (Path(__file__).resolve().parents[1] / "config" / "ekf_map.yaml").read_text()
STATE = ("x", "y", "z", "roll", "pitch", "yaw", "vx", "vy", "vz", "vroll", "vpitch", "vyaw", "ax", "ay", "az")


def fused(config: list[bool]) -> set[str]:
    assert all(isinstance(value, bool) for value in config)
    return {name for name, taken in zip(STATE, config, strict=True) if taken}


def test_the_filter_s_parameters_are_whole() -> None:
    settings = yaml.safe_load(SETTINGS)["ekf_map"]["ros__parameters"]
    assert fused(settings["pose0_config"]) == {"x", "y", "yaw"}
    assert fused(settings["odom0_config"]) == {"vx", "vy", "vyaw"}
    matrix = settings["initial_estimate_covariance"]
    variance = dict(zip(STATE, map(float, matrix[:: len(STATE) + 1]), strict=True))
    assert len(matrix) == len(STATE) ** 2
    reach_m = settings["pose0_rejection_threshold"] * variance["x"] ** 0.5
    assert reach_m >= 1000.0 and variance["x"] == variance["y"]
    assert settings["world_frame"] == settings["map_frame"] == "map"
    assert settings["pose0"] == "/vpr_localizer/pose"
