"""Versions that must agree, scripts that must start, and what must never stand in a committed file."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vpr_ros

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


NAMED_SCRIPT = re.compile(r"(?<![\w/])(?:\./)?((?:scripts/[\w-]+\.sh|\.ci/run))")
READ_BY_PEOPLE = ("README.md", "CONTRIBUTING.md", ".ci/run", "scripts/*.sh", "docs/*.md")


def index_modes() -> dict[str, str]:
    """File -> mode, as git's index has them: what a clone gets."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-sz"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    entries = (entry.split("\t", 1) for entry in listed.stdout.split("\0") if entry)
    return {name: mode_hash_stage.split()[0] for mode_hash_stage, name in entries}


def project_files() -> list[Path]:
    return [ROOT / name for name in index_modes() if (ROOT / name).is_file()]


def commands_of(text: str) -> set[str]:
    """The scripts that *text* calls; one that is only sourced (``. FILE``) need not be executable."""
    return {
        found[1]
        for line in text.splitlines()
        for found in NAMED_SCRIPT.finditer(line)
        if not re.search(r"(^|\s)(\.|source) $", line[: found.start()])
    }


def test_one_version() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert package.get("format") == "3"
    assert package.findtext("version") == vpr_ros.__version__
    assert f'version="{vpr_ros.__version__}"' in (ROOT / "setup.py").read_text()
    assert vpr_ros.__version__ in (ROOT / "CHANGELOG.rst").read_text()


def test_licence_is_apache_2() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert ElementTree.parse(ROOT / "package.xml").getroot().findtext("license") == "Apache-2.0"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
def test_lock_files_hold_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    pinned = re.findall(r"^[a-z0-9][\w.\[\]-]*==\S+", text, flags=re.MULTILINE)
    assert len(pinned) > 10
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text
    assert "index-url" not in text


def test_no_path_of_a_machine_in_any_file() -> None:
    """Models too: an exporter likes to write into them where it was installed."""
    machine_path = re.compile(rb"(?<![\w.$}~-])/(?:root|work|home/[a-z]+|Users)/")
    offenders = [
        str(file.relative_to(ROOT))
        for file in project_files()
        if file != Path(__file__) and machine_path.search(file.read_bytes())
    ]
    assert offenders == []


def test_scripts_that_people_call_are_executable_in_a_clone() -> None:
    modes = index_modes()
    named = {
        name for pattern in READ_BY_PEOPLE for file in ROOT.glob(pattern) for name in commands_of(file.read_text())
    }
    assert named >= {"scripts/demo.sh", "scripts/test.sh", "scripts/test_ubuntu2204.sh"}
    assert {name: modes.get(name) for name in {*named, ".ci/run"}} == dict.fromkeys({*named, ".ci/run"}, "100755")


def test_ci_starts_the_tests_as_the_readme_does() -> None:
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if "scripts/test.sh" in line]
    assert lines == ['exec scripts/test.sh "$@"']


@pytest.mark.slow
def test_every_docstring_says_something() -> None:
    empty = re.compile(r"\s*($|todo|fixme|xxx|tbd)", flags=re.IGNORECASE)
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    offenders = [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
        for folder in ("vpr_ros", "launch", "test")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, documented) and empty.match(ast.get_docstring(node) or "said by its name")
    ]
    assert offenders == []


def test_clone_stays_small() -> None:
    files = project_files()
    assert max(f.stat().st_size for f in files) < 12 * 2**20
    assert sum(f.stat().st_size for f in files) < 60 * 2**20
