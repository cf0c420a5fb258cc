"""package.xml names what is imported: rosdep installs no more, and ``colcon test`` runs with that."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from optional_parts import OPTIONAL

ROOT = Path(__file__).resolve().parents[1]
ROSDEP_KEYS = {
    "backports": "python3-rosbags-pip",  # brought by rosbags
    "cv2": "python3-opencv",
    "faiss": "python3-faiss",
    "matplotlib": "python3-matplotlib",
    "numpy": "python3-numpy",
    "PIL": "python3-pil",
    "pymap3d": "python3-pymap3d",
    "pytest": "python3-pytest",
    "rich": "python3-rich",
    "rosbags": "python3-rosbags-pip",
    "scipy": "python3-scipy",
    "tf2_ros": "tf2_ros_py",
    "yaml": "python3-yaml",
}
"""Module -> key of rosdep; a package of ROS is its own key."""
OPTIONAL_MODULES = {name.partition(".")[0] for name in OPTIONAL if name not in {"rclpy", "rosbags.image"}}


def dependencies(*kinds: str) -> set[str]:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    return {element.text or "" for kind in kinds for element in package.findall(kind)}


def imported(files: Iterable[Path]) -> set[str]:
    """Top-level modules of others that *files* import, anywhere in them."""
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    own = {path.stem for path in (ROOT / "test").rglob("*.py")} | {"vpr_ros", "test"}
    return found - set(sys.stdlib_module_names) - own - OPTIONAL_MODULES


def keys(modules: Iterable[str]) -> set[str]:
    return {ROSDEP_KEYS.get(name, name) for name in modules}


def test_what_the_package_imports_is_installed_with_it() -> None:
    files = [*(ROOT / "vpr_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py")]
    assert keys(imported(files)) - dependencies("exec_depend") == set()


def test_what_a_launch_file_starts_is_installed_with_it() -> None:
    for file in (ROOT / "launch").glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        packages = [word.value for call in calls for word in call.keywords if word.arg == "package"]
        started = {ast.literal_eval(value) for value in packages}
        assert started - {"vpr_ros"} <= dependencies("exec_depend"), file.name


def test_what_the_tests_import_is_installed_or_they_say_what_they_need() -> None:
    given = dependencies("exec_depend", "test_depend")
    assert keys(imported((ROOT / "test").rglob("*.py"))) - given == set()
    assert "timeout =" not in (ROOT / "pyproject.toml").read_text() or "python3-pytest-timeout" in given


WITHOUT = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def run_without(names: Iterable[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(names=set(names))
    return subprocess.run(
        [sys.executable, "-c", code, "-q", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'test'}", "COLCON": "1"},
        cwd=folder, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_without_everything_optional_the_whole_suite_is_collected_and_says_what_it_skips(tmp_path: Path) -> None:
    done = run_without({*OPTIONAL, "tf2_ros"}, tmp_path, "--collect-only", str(ROOT / "test"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "error" not in done.stdout.splitlines()[-1]
    for file, reason in {
        "test/export/test_export.py": "needs onnx: pip install '.[test]'",
        "test/models/test_gem.py": "needs torch: pip install '.[train]'",
        "test/ros/localizer/test_node.py": "needs rclpy: source ROS 2, or pip install '.[ros]'",
        "test/mapping/test_recovery.py": "needs onnxruntime: pip install onnxruntime",
    }.items():
        assert f"{file}: {reason}" in done.stdout
    assert "test/core/test_files.py::" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("module", "exit_status", "said"), [("torch", 0, "needs torch"), ("toorch", 1, "toorch")])
def test_only_an_optional_part_is_a_reason_to_skip(tmp_path: Path, module: str, exit_status: int, said: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "test" / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(
        f"def test_imports_late():\n    import {module}\n\ndef test_runs():\n    pass\n"
    )
    done = run_without({"torch"}, tmp_path, str(tmp_path))
    assert done.returncode == exit_status, done.stdout
    assert said in done.stdout
    assert "1 passed" in done.stdout
