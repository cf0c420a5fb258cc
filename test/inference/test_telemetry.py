"""A robot tells nobody anything: ONNX Runtime's telemetry stays off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from optional_parts import need

PACKAGE = Path(__file__).resolve().parents[2]
RUN = """
import numpy as np
from vpr_ros.inference import open_extractor
extractor = open_extractor()
extractor.infer(extractor.prepare([np.full((48, 64, 3), 90, np.uint8)]))
"""
QUIET_ANYWAY = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "TF_BUILD", "GITHUB_ACTIONS")
"""Variables under which the runtime says nothing of its own accord, or that would answer for us."""


@pytest.mark.slow
def test_the_runtime_leaves_no_device_id(tmp_path: Path) -> None:
    need("onnxruntime")
    environment = {name: value for name, value in os.environ.items() if name not in QUIET_ANYWAY}
    environment |= {"PYTHONPATH": str(PACKAGE), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_whoever_wants_it_may_say_so() -> None:
    script = "import os, vpr_ros; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
