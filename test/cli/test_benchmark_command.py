"""The two benchmarks: each loads its own half of the house only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from optional_parts import need

from vpr_ros.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = """
import sys
class Missing:  # None in sys.modules would do for Python, but not for scipy, which looks there for torch
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Missing())
from vpr_ros.__main__ import main
sys.exit(main({!r}))
"""


def run_without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a Python where *module* cannot be imported."""
    command = [sys.executable, "-c", WITHOUT.format(module, list(arguments))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a command ends with when it is asked for something it cannot do."""
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_the_trainers_half_needs_no_ros() -> None:
    pytest.importorskip("lightning", reason="needs the extra .[train]")
    assert "nowhere.yaml" in refusal(run_without("rclpy", "benchmark_train", "nowhere.yaml"))


def test_the_robots_half_needs_no_torch() -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
    need("onnxruntime")
    done = run_without("torch", "benchmark", "--frames", "3")
    assert done.returncode == 2
    assert "--frames is 3" in done.stderr


def test_without_the_trainer_it_says_how_to_install_it() -> None:
    assert "pip install '.[train]'" in refusal(run_without("torch", "benchmark_train", "recipe.yaml"))


def test_the_trainers_half_by_its_old_name_warns_of_the_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lightning", reason="needs the extra .[train]")
    assert main(["benchmark", "--train", "nowhere.yaml"]) == 2
    warning, error = capsys.readouterr().err.splitlines()
    assert warning == (
        "warning: benchmark --train is now called benchmark_train; the next release will not know the old name"
    )
    assert "nowhere.yaml" in error
