"""The schema, the shipped YAML and the documentation say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from vpr_ros.ros.localizer.parameters import node_specs

ROOT = Path(__file__).resolve().parents[3]


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def test_shipped_file_holds_every_parameter_with_its_default() -> None:
    shipped = flat(yaml.safe_load((ROOT / "config" / "localize.yaml").read_text())["/**"]["ros__parameters"])
    specs = node_specs()
    assert set(shipped) == set(specs)
    for name, value in shipped.items():
        assert specs[name].checked(value) == pytest.approx(specs[name].default), name


def test_every_parameter_is_documented() -> None:
    table = (ROOT / "docs" / "parameters.md").read_text()
    for spec in node_specs().values():
        assert f"| `{spec.name}` |" in table
        assert spec.description.replace("|", "/") in table
