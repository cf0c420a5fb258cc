"""The floors of the house: who may import whom, and how large a file may grow."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from optional_parts import need

PACKAGE = Path(__file__).resolve().parents[1] / "vpr_ros"

ROBOT_FLOORS: dict[str, set[str]] = {
    "core": set(),
    "sources": {"core"},
    "inference": {"core"},
    "simulation": {"core"},
    "maps": {"core", "sources", "inference"},
    "localization": {"core", "inference", "maps"},
    "mapping": {"core", "sources", "inference", "maps", "localization"},
    "evaluation": {"core", "sources", "inference", "maps", "localization", "mapping"},
}
ROBOT_SIDE = set(ROBOT_FLOORS) | {"ros"}
MAY_IMPORT: dict[str, set[str]] = {
    **ROBOT_FLOORS,
    "models": {"core"},
    "training": {"core", "sources", "inference", "simulation", "maps", "mapping", "evaluation", "models"},
    "export": {"core", "sources", "inference", "maps", "evaluation", "models", "training"},
    "cli": {*ROBOT_FLOORS, "models", "training", "export"},
    "ros": set(ROBOT_FLOORS),
}
ROOMS_OF_ROS: dict[str, set[str]] = {"": set(), "localizer": {""}, "tools": {""}}
"""Within ``ros``: what both need lies beside them, and neither reaches into the other."""
OF_THE_PACKAGE_ITSELF = {"core"}
"""What ``vpr_ros/__init__.py`` and ``vpr_ros/__main__.py`` may import at once."""
REACHES_ANYTHING_BY_NAME = "__main__.py"
"""It alone holds modules' names as text and imports one when it is asked for."""
ROS = {
    "rclpy", "sensor_msgs", "geometry_msgs", "nav_msgs", "visualization_msgs", "diagnostic_msgs", "std_msgs",
    "std_srvs", "lifecycle_msgs", "rcl_interfaces", "builtin_interfaces", "rosgraph_msgs", "tf2_ros", "tf2_msgs",
    "cv_bridge", "launch", "launch_ros", "ament_index_python",
}  # fmt: skip
TORCH = {"torch", "torchvision", "timm", "lightning", "pytorch_metric_learning", "safetensors"}
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60

FILES = sorted(PACKAGE.rglob("*.py"))


@functools.cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor(file: Path) -> str:
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def modules_named(file: Path) -> Iterator[str]:
    """What *file* could import late: constants that are the full name of a module of ours."""
    for node in ast.walk(tree(file)):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if re.fullmatch(r"vpr_ros(\.\w+)+", text) and (PACKAGE.parent / f"{text.replace('.', '/')}.py").is_file():
            yield text


def test_every_package_has_its_place() -> None:
    packages = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert packages == set(MAY_IMPORT)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_one_way(file: Path) -> None:
    here = floor(file)
    allowed = MAY_IMPORT[here] if here else OF_THE_PACKAGE_ITSELF
    late = [] if str(file.relative_to(PACKAGE)) == REACHES_ANYTHING_BY_NAME else modules_named(file)
    for name in [*imports(file), *late]:
        parts = name.split(".")
        if parts[0] == "vpr_ros" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
            assert parts[1] == here or parts[1] in allowed, f"{here} must not import {name}"
        if parts[0] in ROS:
            assert here == "ros", f"{name} belongs in vpr_ros/ros"
        if parts[0] in TORCH:
            assert here not in ROBOT_SIDE, f"the robot's process must not import {name}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno < MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("file", sorted((PACKAGE / "ros").rglob("*.py")), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_the_rooms_of_ros_are_apart(file: Path) -> None:
    here = "" if file.parent.name == "ros" else file.parent.name
    for name in [*imports(file), *modules_named(file)]:
        parts = name.split(".")
        if parts[:2] == ["vpr_ros", "ros"] and len(parts) > 2:
            there = parts[2] if (PACKAGE / "ros" / parts[2]).is_dir() else ""
            assert there == here or there in ROOMS_OF_ROS[here], f"ros/{here or '.'} must not import {name}"


def test_no_import_cycles() -> None:
    order: list[str] = []
    remaining = dict(MAY_IMPORT)
    while remaining:
        free = [name for name, below in remaining.items() if below <= set(order)]
        assert free, f"a cycle among {sorted(remaining)}"
        order += free
        for name in free:
            del remaining[name]


@pytest.mark.slow
def test_robot_side_imports_where_torch_is_not_installed() -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")
    need("onnxruntime")
    modules = [
        ".".join(("vpr_ros", *f.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for f in FILES
        if floor(f) in ROBOT_SIDE
    ]
    code = "\n".join(
        [
            "import sys, importlib, importlib.abc",
            f"blocked = set({sorted(TORCH)!r})",
            "class Blocker(importlib.abc.MetaPathFinder):",
            "    def find_spec(self, name, path, target=None):",
            "        if name.split('.')[0] in blocked:",
            "            raise ModuleNotFoundError(name)",
            "sys.meta_path.insert(0, Blocker())",
            f"[importlib.import_module(name) for name in {modules!r}]",
        ]
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
