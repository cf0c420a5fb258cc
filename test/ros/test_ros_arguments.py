"""Arguments that ROS refuses, in every command that is a node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from optional_parts import need

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", ["localizer.node", "tools.play", "tools.watch", "tools.simulate"])
def test_arguments_that_ros_refuses_are_one_line(tmp_path: Path, command: str) -> None:
    if command == "localizer.node":
        need("onnxruntime")
    own = {"tools.play": [str(tmp_path)], "tools.watch": ["--output", str(tmp_path)]}.get(command, [])
    line = [sys.executable, "-m", f"vpr_ros.ros.{command}", *own, "--ros-args", "--bogus"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ROS refused the arguments: ['--bogus']")
    assert done.stderr.count("\n") == 1
