# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map written anew: every file follows its frames, and whatever fails leaves the old one whole."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, GridFeatures, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import MapError
from vpr_ros.mapping import build_map
from vpr_ros.mapping.care.edit import Edit, carry_out
from vpr_ros.mapping.care.selection import TAKEN_OUT, selected
from vpr_ros.mapping.growing_array import GrowingArray
from vpr_ros.mapping.journal import JOURNAL_NAME
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.mapping.upkeep import align
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.format import FORMAT_VERSION

KEPT = np.array([1, 2, 5])
TRACK = [0.5 * number for number in range(8)]


class OutOfPower(BaseException):
    """Ends an edit as nothing that is handled would."""


@pytest.fixture
def built(tmp_path: Path) -> PlaceMap:
    """Eight frames with local features."""
    build_map(WallSource(TRACK), PixelExtractor(), tmp_path / "map", EVERY_FRAME, local_model=GridFeatures())
    return PlaceMap.open(tmp_path / "map")


def edit(path: Path, output: Path | None = None, *, overwrite: bool = True) -> PlaceMap | None:
    asked = Edit("drop", (path,), output or path, overwrite, {"rows": KEPT.tolist()})
    return carry_out(asked, lambda maps: selected(maps[0], KEPT))


def beside(path: Path) -> list[str]:
    return sorted(other.name for other in path.parent.iterdir() if other != path)


def test_every_file_follows_its_frames(built: PlaceMap, tmp_path: Path) -> None:
    made = edit(built.path, tmp_path / "new", overwrite=False)
    assert made is not None and built.local is not None and made.local is not None
    made.verify()
    np.testing.assert_array_equal(made.descriptors, built.descriptors[KEPT])
    np.testing.assert_array_equal(made.frames.position_m, built.frames.position_m[KEPT])
    assert made.frames.names == tuple(built.frames.names[row] for row in KEPT)
    for new, old in enumerate(KEPT.tolist()):
        one, other = made.local.files.features(new), built.local.files.features(old)
        np.testing.assert_array_equal(one.keypoints_px, other.keypoints_px)
        np.testing.assert_array_equal(one.descriptors, other.descriptors)
        picture, before = made.thumbnail(new), built.thumbnail(old)
        assert picture is not None and before is not None
        np.testing.assert_array_equal(picture, before)
    (session,) = made.manifest.sessions
    assert (session.frames, session.skipped[TAKEN_OUT]) == (3, 5)
    assert made.manifest.local is not None and made.manifest.local.features == 45
    built.verify()


def test_in_place_is_asked_for(built: PlaceMap) -> None:
    with pytest.raises(MapError, match="is the map that is edited") as caught:
        edit(built.path, overwrite=False)
    assert "--overwrite" in caught.value.remedy
    assert edit(built.path) is not None
    assert len(PlaceMap.open(built.path)) == 3 and beside(built.path) == []
    assert len(built) == 8 and built.descriptors[7].any()  # who has it open goes on


def test_a_map_that_stands_there_is_replaced_when_that_is_asked_for(built: PlaceMap, tmp_path: Path) -> None:
    other = build_wall_map(tmp_path / "other", WallSource([0.0, 0.5])).path
    with pytest.raises(MapError, match="exists"):
        edit(built.path, other, overwrite=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(MapError, match="is not a map"):
        edit(built.path, tmp_path / "mine")
    edit(built.path, other)
    assert len(PlaceMap.open(other)) == 3 and len(PlaceMap.open(built.path)) == 8


def test_a_link_to_the_map_stays_a_link(built: PlaceMap, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(built.path)
    edit(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and len(PlaceMap.open(built.path)) == 3


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_leaves_the_map_and_nothing_beside_it(
    built: PlaceMap, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(GrowingArray, "add", full)
        with pytest.raises(MapError, match="the disk is full" if number == errno.ENOSPC else "cannot be used"):
            edit(built.path)
    assert beside(built.path) == []
    PlaceMap.open(built.path).verify()
    assert edit(built.path) is not None


def test_damage_is_not_sealed_anew(built: PlaceMap) -> None:
    picture = next((built.path / "thumbnails").iterdir())
    picture.write_bytes(picture.read_bytes()[:-1] + b"!")
    with pytest.raises(MapError, match="the manifest says"):
        edit(built.path)
    assert len(PlaceMap.open(built.path)) == 8 and beside(built.path) == []


def test_an_interrupted_build_is_finished_first(built: PlaceMap) -> None:
    more = [10.0 + along_m for along_m in TRACK] + [20.0]
    torn = WallSource(more, fails_at=8, failure=OutOfPower())
    with pytest.raises(OutOfPower):
        build_map(torn, PixelExtractor(), built.path, EVERY_FRAME, append=True, local_model=GridFeatures())
    with pytest.raises(MapError, match=r"was interrupted and stands in .*\.map\.partial"):
        edit(built.path)
    build_map(
        WallSource(more),
        PixelExtractor(),
        built.path,
        EVERY_FRAME,
        append=True,
        resume=True,
        local_model=GridFeatures(),
    )
    assert edit(built.path) is not None


def test_what_a_killed_edit_left_stops_no_build(built: PlaceMap, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> NoReturn:
        os._exit(9)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(GrowingArray, "finish", killed)
        edit(built.path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (partial_path(built.path) / JOURNAL_NAME).is_file()
    assert align(built.path, None).manifest.grid is None
    with pytest.raises(MapError, match="was an edit of the map"):
        build_map(WallSource([9.0]), PixelExtractor(), built.path, replace(EVERY_FRAME, local=False), resume=True)
    report = build_map(
        WallSource([9.0, 9.5]), PixelExtractor(), built.path, EVERY_FRAME, append=True, local_model=GridFeatures()
    )
    assert (report.frames, beside(built.path)) == (10, [])


def test_an_older_map_is_written_in_the_current_format(tmp_path: Path) -> None:
    from older_map import STORED

    base = PlaceMap.open(STORED / "map")
    asked = Edit("prune", (base.path,), tmp_path / "new", False, {})
    made = carry_out(asked, lambda maps: selected(maps[0], np.arange(5)))
    assert made is not None and made.manifest.format_version == FORMAT_VERSION > base.manifest.format_version
    assert made.manifest.thumbnails_sha256


def test_nothing_left_is_refused(built: PlaceMap) -> None:
    with pytest.raises(MapError, match="nothing would be left of the 8 frames"):
        selected(built, np.arange(0))
