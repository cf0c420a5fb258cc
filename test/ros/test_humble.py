"""Humble is older than the ROS this is tested with: no name that it lacks, and a node that runs with its names."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import SPACING_M, FakeCamera, GraphClient, RosProcess
from humble_names import AFTER_HUMBLE, HUMBLE, KEYWORDS_AFTER_HUMBLE, PACKAGES

ROOT = Path(__file__).resolve().parents[2]
HOOK = Path(__file__).resolve().parent / "humble"
FILES = sorted([*(ROOT / "vpr_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py")])
TF2 = {"tf2_ros", "_tf2"}


def lacking(tree: ast.AST) -> list[str]:
    """What *tree* takes from ROS although Humble lacks it, and has nothing to fall back to."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Try) and any(map(_catches_import_error, node.handlers)):
            found += [name for handler in node.handlers for name in lacking(handler)]
            found += [] if any(map(_falls_back, node.handlers)) else lacking(ast.Module(node.body, []))
            found += lacking(ast.Module([*node.orelse, *node.finalbody], []))
        else:
            found += [*_missing(node), *lacking(node)]
    return found


def _missing(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [a.name for a in node.names if a.name.partition(".")[0] in PACKAGES and a.name not in HUMBLE]
    if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in PACKAGES:
        known = HUMBLE.get(node.module, frozenset())
        return [f"{node.module}.{alias.name}" for alias in node.names if alias.name not in known]
    if isinstance(node, ast.keyword) and node.arg in KEYWORDS_AFTER_HUMBLE:
        return [f"line {node.value.lineno}: {node.arg}="]
    if isinstance(node, ast.Attribute):
        tf2 = _last_name(node.value) in TF2 and node.attr not in HUMBLE["tf2_ros"]
        return [f"line {node.lineno}: .{node.attr}"] if tf2 or node.attr in AFTER_HUMBLE else []
    return []


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.type, ast.Name) and handler.type.id in {"ImportError", "ModuleNotFoundError"}


def _falls_back(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.ImportFrom | ast.Assign | ast.Return) for node in ast.walk(handler))


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_no_name_that_humble_lacks(file: Path) -> None:
    assert lacking(ast.parse(file.read_text())) == []


@pytest.mark.parametrize(
    "text",
    [
        "from rclpy.event_handler import SubscriptionEventCallbacks",
        "from rclpy.qos import a_later_policy",
        "import rclpy.service_introspection",
        "def f():\n    from launch.substitutions import EqualsSubstitution",
        "try:\n    from rclpy.event_handler import A\nexcept ImportError:\n    from rclpy.event_handler import B",
        "try:\n    from rclpy.event_handler import A\nexcept ImportError:\n    pass",
        "try:\n    from rclpy.event_handler import A\nexcept ValueError:\n    pass",
        "node.wait_for_node('a', 1.0)",
        "PublisherEventCallbacks(matched=print)",
        "self._tf2.AsyncBuffer()",
    ],
)
def test_the_check_finds_what_is_not_there(text: str) -> None:
    assert lacking(ast.parse(text))


def test_a_fall_back_to_a_name_of_humble_is_right() -> None:
    text = "try:\n    from rclpy.event_handler import A\nexcept ImportError:\n    from rclpy.qos_event import {}"
    assert lacking(ast.parse(text.format("SubscriptionEventCallbacks"))) == []
    assert lacking(ast.parse(text.format("NoSuchName")))


@pytest.mark.parametrize("file", sorted((ROOT / "vpr_ros" / "ros").rglob("*.py")), ids=lambda f: f.name)
def test_bytes_are_given_to_messages_as_an_array(file: Path) -> None:
    """Humble's setters test the type and the range of every single byte of anything else."""
    assignments = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Assign))
    for assignment in assignments:
        targets = [item for target in assignment.targets for item in ast.walk(target)]
        if any(isinstance(item, ast.Attribute) and item.attr == "data" for item in targets):
            value = assignment.value
            assert isinstance(value, ast.Call) and _last_name(value.func) == "byte_field", f"line {assignment.lineno}"


def as_humble() -> dict[str, str]:
    """The environment of a process that sees Humble's names only."""
    return {"PYTHONPATH": os.pathsep.join([str(HOOK), str(ROOT), os.environ.get("PYTHONPATH", "")])}


@pytest.mark.slow
def test_with_the_names_of_humble_a_later_one_is_not_found(tmp_path: Path) -> None:
    code = "__package__ = 'vpr_ros.ros'\nfrom rclpy.event_handler import SubscriptionEventCallbacks"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **as_humble()}, capture_output=True, text=True, timeout=60,
        check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "No module named 'rclpy.event_handler' in Humble" in done.stderr


def test_the_node_localizes_with_the_names_of_humble(
    texture_map: Path, start_process: Callable[..., RosProcess], client: GraphClient
) -> None:
    start_process(
        "vpr_ros.ros.localizer.node", "--ros-args", "-p", f"map:={texture_map}", "-p", "use_tf:=false", env=as_humble()
    )
    poses = client.collect(PoseWithCovarianceStamped, "/vpr_localizer/pose")
    camera = FakeCamera(client)
    camera.place = 5
    client.wait_for(lambda: poses, "a pose", camera.publish)
    assert poses[0].pose.pose.position.x == pytest.approx(5 * SPACING_M, abs=0.5)
