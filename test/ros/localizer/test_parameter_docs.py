"""The shipped parameter file and the documentation are what the schema makes of them, to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from vpr_ros.ros.localizer import parameter_docs
from vpr_ros.ros.localizer.parameter_docs import ROOT, files
from vpr_ros.ros.localizer.parameters import node_specs


@pytest.mark.parametrize("path", [Path("config", "localize.yaml"), Path("docs", "parameters.md")], ids=str)
def test_the_files_are_those_of_the_schema(path: Path) -> None:
    remedy = "run `python -m vpr_ros.ros.localizer.parameter_docs`"
    assert (ROOT / path).read_bytes() == files()[path].encode(), remedy


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def test_the_parameter_file_holds_every_parameter_with_its_default() -> None:
    shipped = flat(yaml.safe_load(files()[Path("config", "localize.yaml")])["/**"]["ros__parameters"])
    specs = node_specs()
    assert list(shipped) == list(specs)
    for name, value in shipped.items():
        assert specs[name].checked(value) == pytest.approx(specs[name].default), name


def test_every_parameter_says_when_to_change_it() -> None:
    assert [spec.name for spec in node_specs().values() if not spec.when.endswith(".")] == []


def test_the_command_writes_both_files_of_a_checkout_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parameter_docs, "ROOT", tmp_path)
    assert parameter_docs.main([]) == 2
    assert "there is no config/localize.yaml" in capsys.readouterr().err
    for path in files():
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("older")
    assert parameter_docs.main([]) == 0
    assert {path: (tmp_path / path).read_text() for path in files()} == files()
