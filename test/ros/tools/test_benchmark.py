# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The benchmark as a user runs it: real node, real session, numbers that belong together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="makes a model")

from harness import RosProcess
from tiny_local_onnx import local_info, whole_info, write_local_model

MODULE = "vpr_ros.ros.tools.benchmark"


def test_measures_node_and_building_beside_the_bare_session(
    start_process: Callable[..., RosProcess], tmp_path: Path
) -> None:
    process = start_process(MODULE, "--frames", "20", "--json", str(tmp_path / "numbers.json"))
    assert process.process.wait(120) == 0, process.output
    report = json.loads((tmp_path / "numbers.json").read_text())
    assert report["images"] == report["map_frames"] == 20
    for side in ("node_ms", "floor_ms", "bare_ms"):
        assert 0 < report[side]["p50"] <= report[side]["p95"]
    beside = report["bare_ms"]["p50"] + report["floor_ms"]["p50"]
    assert abs(report["node_over_bare_and_floor"] - report["node_ms"]["p50"] / beside) < 1e-9
    assert abs(report["node_over_bare"] - report["node_ms"]["p50"] / report["bare_ms"]["p50"]) < 1e-9
    for building in (report, report["build_without_local"]):
        assert abs(building["build_over_bare"] - building["build_hz"] / building["bare_build_hz"]) < 1e-9
        assert abs(building["beside_embedding"] - 1 + building["build_hz"] / building["describing_hz"]) < 1e-9
    assert "map building, with local features" in process.output
    assert "map building, without local features" in process.output
    age = report["stream_age_ms"]
    assert 0 < age["p50"] <= age["p95"] <= age["max"]
    assert 0 < report["stream_answered"] <= report["streamed"] == 24
    assert abs(report["stream_age_over_bare"] - age["p95"] / report["bare_ms"]["p50"]) < 1e-9
    stages = report["stages"]
    assert {"transport", "wait", "prepare", "infer", "search", "filter", "decide", "publish", "back"} <= stages.keys()
    assert abs(sum(stage["node"] for stage in stages.values()) - report["node_ms"]["p50"]) < 1e-9
    assert stages["wait"]["bare"] is None and 0 < stages["infer"]["bare"] < report["bare_ms"]["p95"]
    for said in ("node / bare", "an empty node", "node - bare", "  over DDS to who asked"):
        assert said in process.output
    assert list(report["filter_ms"]) == ["1000", "10000", "100000", "1000000"]
    assert all(0 < ms["p50"] <= ms["p95"] for ms in report["filter_ms"].values())
    assert "1000000 frames" in process.output
    assert report["verification"]["features"] <= 600 and report["verification"]["bytes_per_map_frame"] <= 16_000


def test_measures_verification_where_a_model_finds_keypoints(
    start_process: Callable[..., RosProcess], tmp_path: Path
) -> None:
    seen = local_info(240, 320, 200)
    both = write_local_model(tmp_path / "both.onnx", seen, whole=whole_info(seen.preprocessing), batch="batch")
    numbers = tmp_path / "numbers.json"
    process = start_process(MODULE, "--frames", "20", "--model", str(both), "--json", str(numbers))
    assert process.process.wait(240) == 0, process.output
    report = json.loads(numbers.read_text())
    verified = report["verification"]
    assert report["node_stages"].keys().isdisjoint({"verify p50 [ms]", "local p50 [ms]"})
    assert "verify p50 [ms]" in verified["node_stages"] and "local p50 [ms]" not in verified["node_stages"]
    assert 0 < verified["candidates"] <= 10 and 0 < verified["features"] <= 200
    assert 0 < verified["verify_ms"]["p50"] <= verified["verify_ms"]["p95"] and verified["bytes_per_map_frame"] > 0
    assert verified["local_share"] == 1.0 - verified["descriptor_ms"] / verified["with_local_ms"]
    assert abs(verified["node_over_bare"] - verified["node_ms"]["p50"] / verified["bare_ms"]["p50"]) < 1e-9
    for said in ("image to pose, verified", "verification of", "network with local features"):
        assert said in process.output


def test_too_few_frames_are_refused_on_one_line(start_process: Callable[..., RosProcess]) -> None:
    process = start_process(MODULE, "--frames", "3")
    assert process.process.wait(60) == 2
    assert process.output.startswith("error: --frames is 3")
