"""A real colcon build, and the installed executables as `ros2 run` starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from optional_parts import need

ROOT = Path(__file__).resolve().parents[1]
EXECUTABLES = ("localize", "build_map", "evaluate", "inspect_map", "play", "simulate", "benchmark", "describe_model")


def project_files() -> list[str]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name]


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
    need("onnxruntime")
    colcon = Path(sys.executable).with_name("colcon")
    if not colcon.exists():
        pytest.skip("colcon is not installed beside this Python")
    workspace = tmp_path_factory.mktemp("workspace")
    source = workspace / "src" / "vpr_ros"
    for name in [*project_files(), "vpr_ros/inference/weights/vpr_nano.onnx"]:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    done = subprocess.run(
        [str(colcon), "build", "--event-handlers", "console_direct+"],
        cwd=workspace, env=environment(), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return workspace / "install" / "vpr_ros"


def environment(install: Path | None = None) -> dict[str, str]:
    prefix = sys.prefix
    env = {**os.environ, "VIRTUAL_ENV": prefix, "AMENT_PREFIX_PATH": prefix, "CMAKE_PREFIX_PATH": prefix}
    env["PATH"] = f"{prefix}/bin:{env.get('PATH', '')}"
    env.pop("PYTHONPATH", None)
    if install is not None:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        env["PYTHONPATH"] = str(install / "lib" / version / "site-packages")
        env["AMENT_PREFIX_PATH"] = f"{install}:{prefix}"
    return env


@pytest.mark.parametrize("name", EXECUTABLES)
def test_installed_executable_explains_itself(install: Path, name: str) -> None:
    executable = install / "lib" / "vpr_ros" / name
    done = subprocess.run(
        [str(executable), "--help"],
        env=environment(install), cwd=install, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "example" in done.stdout.lower()


def test_share_holds_launch_files_and_configuration(install: Path) -> None:
    share = install / "share" / "vpr_ros"
    assert {p.name for p in (share / "launch").iterdir()} >= {"localize.launch.py", "demo.launch.py"}
    assert {p.name for p in (share / "config").iterdir()} >= {"localize.yaml", "vpr.rviz"}
    assert (share / "package.xml").is_file()


def test_shipped_model_is_found_in_the_installation(install: Path) -> None:
    code = "from vpr_ros.inference import shipped_model_path; print(shipped_model_path())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(install), cwd=install, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(install)
