# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""On a GPU: the node beside the bare network, as ``benchmark`` measures it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gpu_device import STANDS_IN, Record, provider

from vpr_ros.inference.options import GRAPH, NEW

pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("buffers", [NEW, GRAPH])
def test_the_node_beside_the_bare_network(buffers: str, tmp_path: Path, record_property: Record) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
    expected, numbers = provider(), tmp_path / "numbers.json"
    environment = {
        **os.environ,
        "ROS_LOG_DIR": str(tmp_path),
        "ROS_DOMAIN_ID": str(10 + os.getpid() % 220),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    frames = ["--frames", "20" if STANDS_IN else "150"]
    command = [sys.executable, "-m", "vpr_ros", "benchmark", *frames, "--buffers", buffers, "--json", str(numbers)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(numbers.read_text())
    node, bare = report["node_ms"]["p50"], report["bare_ms"]["p50"]
    record_property(
        "figure",
        f"node {node:.1f} ms, bare {bare:.1f} ms (node / bare {node / bare:.2f}), "
        f"build_map {report['build_hz']:.0f} images/s ({report['build_over_bare']:.2f} of bare)",
    )
    assert report["provider"] == expected
