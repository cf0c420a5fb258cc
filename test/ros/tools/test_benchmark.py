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

from harness import RosProcess

MODULE = "vpr_ros.ros.tools.benchmark"


def test_measures_node_and_building_beside_the_bare_session(
    start_process: Callable[..., RosProcess], tmp_path: Path
) -> None:
    process = start_process(MODULE, "--frames", "20", "--json", str(tmp_path / "numbers.json"))
    assert process.process.wait(120) == 0, process.output
    report = json.loads((tmp_path / "numbers.json").read_text())
    assert report["images"] == report["map_frames"] == 20
    for side in ("node_ms", "bare_ms"):
        assert 0 < report[side]["p50"] <= report[side]["p95"]
    assert abs(report["node_over_bare"] - report["node_ms"]["p50"] / report["bare_ms"]["p50"]) < 1e-9
    assert abs(report["build_over_bare"] - report["build_hz"] / report["bare_build_hz"]) < 1e-9
    age = report["stream_age_ms"]
    assert 0 < age["p50"] <= age["p95"] <= age["max"]
    assert 0 < report["stream_answered"] <= report["streamed"] == 240
    assert abs(report["stream_age_over_bare"] - age["p95"] / report["bare_ms"]["p50"]) < 1e-9
    assert "infer p50 [ms]" in report["node_stages"]
    assert "node / bare" in process.output


def test_too_few_frames_are_refused_on_one_line(start_process: Callable[..., RosProcess]) -> None:
    process = start_process(MODULE, "--frames", "3")
    assert process.process.wait(60) == 2
    assert process.output.startswith("error: --frames is 3")
