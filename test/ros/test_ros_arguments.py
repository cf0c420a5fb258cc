"""Arguments that a command refuses, and those that ROS refuses, in every command that is a node: one line each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from optional_parts import need

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NODES = ["localizer.node", "tools.play", "tools.watch", "tools.simulate"]


@pytest.mark.parametrize("command", NODES)
def test_arguments_that_ros_refuses_are_one_line(tmp_path: Path, command: str) -> None:
    if command == "localizer.node":
        need("onnxruntime")
    own = {"tools.play": [str(tmp_path)], "tools.watch": ["--output", str(tmp_path)]}.get(command, [])
    line = [sys.executable, "-m", f"vpr_ros.ros.{command}", *own, "--ros-args", "--bogus"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ROS refused the arguments: ['--bogus']")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [*NODES, "tools.benchmark"])
def test_arguments_that_the_command_refuses_are_one_line(tmp_path: Path, command: str) -> None:
    if command in {"localizer.node", "tools.benchmark"}:
        need("onnxruntime")
    own = {"tools.play": [str(tmp_path)], "tools.watch": ["--output", str(tmp_path)]}.get(command, [])
    line = [sys.executable, "-m", f"vpr_ros.ros.{command}", *own, "--bogus"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    name = {"localizer.node": "localize"}.get(command, command.removeprefix("tools."))
    assert done.stderr == f"error: unrecognized arguments: --bogus. See vpr_ros {name} --help.\n"
