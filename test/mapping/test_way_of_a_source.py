"""A source goes a short way through a build: the modules that hold it are few, and CONTRIBUTING.md names them."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from full_disk_command import write_drive

from vpr_ros.cli import build_map as command
from vpr_ros.sources.recorded_source import RecordedSource

ROOT = Path(__file__).resolve().parents[2]
MOST_MODULES = 7
MADE_IN = {"vpr_ros/sources/image_folder.py", "vpr_ros/sources/recorded_source.py"}
"""Where a folder becomes a source, and what a source is: it passes through neither."""


class Witness:
    """Notes every file of ours in which a function is given a source, returns one or ends with one at hand."""

    def __init__(self) -> None:
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        path = Path(frame.f_code.co_filename)
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith("vpr_ros.") or event not in ("call", "return"):
            return
        if any(type(value) is RecordedSource for value in (*frame.f_locals.values(), argument)):
            known = path.is_relative_to(ROOT)  # what a dataclass writes for itself is in no file
            self.files.add(str(path.relative_to(ROOT)) if known else name.replace(".", "/") + ".py")


def on_the_way() -> list[str]:
    """The files that CONTRIBUTING.md lists."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## The way of a source")[1].split("\n## ")[0]
    return re.findall(r"^\d\. `([\w/]+\.py)`", section, flags=re.MULTILINE)


def walked(arguments: list[str]) -> set[str]:
    witness, before = Witness(), sys.getprofile()
    sys.setprofile(witness)
    try:
        assert command.main(arguments) == 0
    finally:
        sys.setprofile(before)
    return witness.files - MADE_IN


@pytest.mark.slow
def test_the_modules_that_hold_the_source_are_those_on_the_list(tmp_path: Path) -> None:
    listed = on_the_way()
    assert len(listed) == len(set(listed)) <= MOST_MODULES
    output = ["--output", str(tmp_path / "map")]
    built = walked([str(write_drive(tmp_path / "first", 0.0, 3)), *output, "--local-origin"])
    added = walked([str(write_drive(tmp_path / "second", 20.0, 3)), *output, "--append"])
    assert built | added == set(listed)


def test_no_other_module_of_mapping_reaches_for_the_source() -> None:
    listed = on_the_way()
    for path in sorted((ROOT / "vpr_ros" / "mapping").glob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        reaches = any(isinstance(node, ast.Name) and node.id == "FrameSource" for node in nodes)
        reaches |= any(isinstance(node, ast.Attribute) and node.attr in ("source", "_source") for node in nodes)
        assert not reaches or str(path.relative_to(ROOT)) in listed, path.name
