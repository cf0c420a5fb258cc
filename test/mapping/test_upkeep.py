# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An older map is brought to the current format in its place, and no accident on the way costs anything."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from pathlib import Path
from typing import NoReturn

import pytest
from damaged_map import set_entry
from dying_builder import die_before, in_a_child
from older_map import STORED, check_answers, make_first

from vpr_ros.cli import inspect_map
from vpr_ros.core.errors import MapError
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.journal import JOURNAL_NAME
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.mapping.upkeep import align, reseal, upgrade
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.grid_alignment import GridAlignment


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy that may be written into."""
    return Path(shutil.copytree(STORED / "map", tmp_path / "map"))


def refuse(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(params=["sealed", "first"])
def older(old: Path, request: pytest.FixtureRequest) -> Path:
    """A map of format 1, of its last days and of its first."""
    if request.param == "first":
        make_first(old)
    return old


def test_an_upgraded_map_has_the_current_format_and_answers_alike(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = {path: path.read_bytes() for path in older.rglob("*") if path.is_file() and path.name != "manifest.yaml"}
    assert inspect_map.main([str(older)]) == 0
    assert "1, an older one (see --upgrade)" in capsys.readouterr().out
    assert inspect_map.main([str(older), "--upgrade", "--verify"]) == 0
    said = capsys.readouterr().out
    assert f"{FORMAT_VERSION}, the current one" in said and "as it was sealed" in said
    check_answers(older)
    manifest = PlaceMap.open(older).manifest
    assert manifest.format_version == FORMAT_VERSION and manifest.manifest_sha256
    assert manifest.thumbnails_sha256 == PlaceMap.open(STORED / "map").manifest.thumbnails_sha256
    assert [session.frame_id for session in manifest.sessions] == ["map"]
    assert {path: path.read_bytes() for path in others} == others
    text = (older / "manifest.yaml").read_text()
    assert inspect_map.main([str(older), "--upgrade"]) == 0
    assert (older / "manifest.yaml").read_text() == text


def test_an_upgrade_accepts_no_change_and_keeps_what_people_wrote(old: Path) -> None:
    path = old / "manifest.yaml"
    path.write_text(path.read_text() + "# of the north hall\n")
    (old / "thumbnails" / "000003.jpg").unlink()
    opened = upgrade(old)
    assert "# of the north hall" in path.read_text()
    with pytest.raises(MapError, match="holds 30 pictures"):
        opened.verify()
    shutil.copy(STORED / "map" / "manifest.yaml", path)
    changed = path.read_text().replace("bias: ", "bias: 1")
    path.write_text(changed)
    with pytest.raises(MapError, match="was changed since it was written"):
        upgrade(old)
    assert path.read_text() == changed


@pytest.mark.slow
def test_whoever_is_killed_during_an_upgrade_leaves_the_old_map_or_the_new_one(old: Path) -> None:
    path = old / "manifest.yaml"
    before = path.read_bytes()
    found: list[int] = []
    status: int = -signal.SIGKILL
    while status == -signal.SIGKILL:
        path.write_bytes(before)

        def killed(step: int = len(found)) -> None:
            die_before(step, old)
            upgrade(old)

        status = in_a_child(killed)
        found.append(PlaceMap.open(old).manifest.format_version)
        assert (path.read_bytes() == before) == (found[-1] == 1)
        assert upgrade(old).manifest.format_version == FORMAT_VERSION
        assert list(old.glob(".*")) == []
    assert status == 0 and len(found) > 5 and found == sorted(found)
    check_answers(old)


def test_a_disk_that_refuses_leaves_the_old_map(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (old / "manifest.yaml").read_bytes()
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(MapError, match="No space left on device"):
        upgrade(old)
    assert (old / "manifest.yaml").read_bytes() == before
    assert list(old.glob(".*")) == []


def test_a_build_that_was_interrupted_comes_first(old: Path) -> None:
    """It was begun with the map as it is, and would refuse to go on with another."""
    partial_path(old).mkdir()
    (partial_path(old) / JOURNAL_NAME).write_text("{}\n")
    with pytest.raises(MapError, match=r"was interrupted and stands in .*\.map\.partial"):
        upgrade(old)
    shutil.rmtree(partial_path(old))
    assert upgrade(old).manifest.format_version == FORMAT_VERSION


def test_a_map_of_a_newer_format_is_left_alone(old: Path) -> None:
    set_entry(old, "format_version", FORMAT_VERSION + 1)
    before = (old / "manifest.yaml").read_bytes()
    for work in (upgrade, reseal):
        with pytest.raises(MapError, match=f"has format {FORMAT_VERSION + 1}, .* up to {FORMAT_VERSION}") as caught:
            work(old)
        assert "Update vpr_ros" in caught.value.remedy
    assert (old / "manifest.yaml").read_bytes() == before


@pytest.mark.parametrize("grid", [("g" * 20_000, 0.0), ("grid", 2e9)])
def test_what_could_not_be_read_again_is_not_written(old: Path, grid: tuple[str, float]) -> None:
    upgrade(old)
    kept = (old / "manifest.yaml").read_bytes()
    frame_id, x_m = grid
    with pytest.raises(MapError, match=r"could not be read again .*; the map is as it was"):
        align(old, GridAlignment(frame_id, Pose((x_m, 0.0, 0.0)), 2, 0.0))
    assert (old / "manifest.yaml").read_bytes() == kept
    check_answers(old)
