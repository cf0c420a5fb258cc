"""Versions that must agree, and what must never stand in a committed file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vpr_ros

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def project_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


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


def test_clone_stays_small() -> None:
    files = project_files()
    assert max(f.stat().st_size for f in files) < 12 * 2**20
    assert sum(f.stat().st_size for f in files) < 60 * 2**20
