# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A real colcon build, and the installed executables as `ros2 run` starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clone_files import clone_files
from optional_parts import need

from vpr_ros.__main__ import COMMANDS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
EXPLAINED = ("localize", "build_map", "evaluate", "inspect_map", "play", "simulate", "benchmark", "describe_model")


def copy_of_the_project(folder: Path) -> Path:
    """The project as a clone has it, so that what a build leaves in it stays out of the work tree."""
    source = folder / "vpr_ros"
    for name in [*clone_files(), "vpr_ros/inference/weights/vpr_nano.onnx"]:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    return source


@pytest.fixture(scope="module", params=[(), ("--symlink-install",)], ids=["installed", "symlinked"])
def install(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
    need("onnxruntime")
    colcon = Path(sys.executable).with_name("colcon")
    if not colcon.exists():
        pytest.skip("colcon is not installed beside this Python")
    workspace = tmp_path_factory.mktemp("workspace")
    copy_of_the_project(workspace / "src")
    done = subprocess.run(
        [str(colcon), "build", "--event-handlers", "console_direct+", *request.param],
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
        built = install.parents[1] / "build" / "vpr_ros"  # colcon's own hook names it where it only linked
        env["PYTHONPATH"] = f"{built}:{install / 'lib' / version / 'site-packages'}"
        env["AMENT_PREFIX_PATH"] = f"{install}:{prefix}"
    return env


def test_ros2_run_finds_every_command_and_nothing_else(install: Path) -> None:
    found = {path.name: path for path in (install / "lib" / "vpr_ros").iterdir()}
    assert set(found) == set(COMMANDS)
    for path in found.values():
        assert os.access(path, os.X_OK)
        assert path.read_text().startswith(f"#!{sys.executable}\n")


def test_pip_puts_one_command_on_path(tmp_path: Path) -> None:
    """``watch`` is procps', ``play`` is sox'."""
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    prefix = tmp_path / "prefix"
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--prefix", str(prefix), str(copy_of_the_project(tmp_path))],
        env=environment(), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (prefix / "bin").iterdir()] == ["vpr_ros"]
    groupings = "vpr_ros/training/labels/groupings"
    there = {path.name for path in prefix.glob(f"lib/python*/site-packages/{groupings}/*.yaml")}
    assert there == {path.name for path in (ROOT / groupings).iterdir()}
    env = environment() | {"PYTHONPATH": str(next(prefix.glob("lib/python*/site-packages")))}
    for arguments, status in ((["--help"], 0), (["inspect_map", "nowhere"], 2), (["inspect_mp"], 2)):
        done = subprocess.run(
            [str(prefix / "bin" / "vpr_ros"), *arguments],
            env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert len(done.stderr.splitlines()) == (0 if status == 0 else 1)


@pytest.fixture(scope="module")
def explanations(install: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """What each executable prints with --help, two at a time: each loads all that its command needs."""

    def explain(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(install / "lib" / "vpr_ros" / name), "--help"],
            env=environment(install), cwd=install, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(EXPLAINED, pool.map(explain, EXPLAINED), strict=True))


@pytest.mark.parametrize("name", EXPLAINED)
def test_installed_executable_explains_itself(
    explanations: dict[str, subprocess.CompletedProcess[str]], name: str
) -> None:
    done = explanations[name]
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: ros2 run vpr_ros {name} ")
    assert f"ros2 run vpr_ros {name}" in done.stdout.lower().partition("example")[2]


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
    assert Path(done.stdout.strip()).is_relative_to(install.parents[1])
