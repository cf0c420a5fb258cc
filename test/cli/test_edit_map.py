# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``edit_map`` as people call it: what it does, what it says, and one line where it cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.cli import edit_map, inspect_map
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap


@pytest.fixture(scope="module")
def two_sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of 40 and 20 frames."""
    folder = tmp_path_factory.mktemp("two") / "map"
    track = [0.25 * number for number in range(40)]
    build_wall_map(folder, WallSource(track, description="first"))
    build_map(WallSource(track[10:30], description="second"), PixelExtractor(), folder, EVERY_FRAME, append=True)
    return folder


@pytest.fixture
def place(two_sessions: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(two_sessions, tmp_path / "map"))


def test_prune_says_before_and_after(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit_map.main(["prune", str(place), "--output", str(place), "--overwrite", "--target-frames", "20"]) == 0
    said = capsys.readouterr().out
    assert "before: 60 frames of 2 sessions" in said and "after: 20 frames of 2 sessions" in said
    assert "answered right: " in said and "60 of its own frames" in said and "carried over" in said
    assert len(PlaceMap.open(place)) == 20


def test_drop_replace_and_merge(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [str(tmp_path / name) for name in ("one", "two", "both", "newer")]
    for number, part in enumerate(parts[:2]):
        assert edit_map.main(["drop", str(place), str(1 - number), "--output", part]) == 0
    assert edit_map.main(["merge", *parts[:2], "--output", parts[2]]) == 0
    assert edit_map.main(["replace", str(place), "--output", parts[3], "--within", "0.1"]) == 0
    said = capsys.readouterr().out
    assert "goes: session 1, 20 frames of second" in said and "go: 20 frames that session 1 shows again" in said
    assert [len(PlaceMap.open(Path(part))) for part in parts] == [40, 20, 60, 40]


def test_align_is_shown_and_forgotten(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = ["--pair", "1", "2", "90", "0", "0", "0", "--pair", "1", "7", "90", "5", "0", "0"]
    assert edit_map.main(["align", str(place), *pairs, "--grid-frame", "floor"]) == 0
    assert "T_grid_map: x 1.000 y 2.000 z 0.000 m, yaw 90.00 degrees in frame 'floor'" in capsys.readouterr().out
    assert inspect_map.main([str(place)]) == 0
    assert "in frame 'floor', from 2 pairs" in " ".join(capsys.readouterr().out.split())
    assert edit_map.main(["align", str(place), "--remove"]) == 0
    assert PlaceMap.open(place).manifest.grid is None


def test_places_are_shown_as_lines_and_as_json(two_sessions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect_map.main([str(two_sessions), "--places"]) == 0
    said = capsys.readouterr().out
    assert "places of 60 frames; without their neighbours" in said and "least distinct: " in said
    assert "without local features: 60 of 60 frames" in said
    assert inspect_map.main([str(two_sessions), "--places", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert sum(one["frames"] for one in plain["places"]["places"]) == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: ACTION"),
        (["shrink"], "invalid choice: 'shrink'"),
        (["prune", "MAP", "--output", "MAP"], "is the map that is edited"),
        (["prune", "nowhere", "--output", "new"], "map nowhere does not exist"),
        (["prune", "MAP", "--output", "new", "--keep-recall", "0"], "--keep-recall is 0.0"),
        (["prune", "MAP", "--output", "new", "--keep-recall", "nan"], "--keep-recall is nan"),
        (["prune", "MAP", "--output", "new", "--target-frames", "0"], "--target-frames is 0"),
        (["prune", "MAP", "--output", "new", "--target-frames", "60"], "60 are to be kept"),
        (["drop", "MAP", "0", "1", "--output", "new"], "nothing would be left of the 60 frames"),
        (["drop", "MAP", "third", "--output", "new"], "no session of map"),
        (["replace", "MAP", "--output", "new", "--by", "0"], "shows no frame of an earlier one again"),
        (["replace", "MAP", "--output", "new", "--within", "-1"], "--within is -1.0"),
        (["merge", "MAP", "MAP", "--output", "new"], "are one map"),
        (["align", "MAP"], "found 0 pairs of poses"),
        (["align", "MAP", "--pairs", "nowhere.csv"], "nowhere.csv"),
        (["align", "MAP", "--pair", "0", "0", "0", "0", "0", "0", "--max-residual", "0"], "--max-residual is 0.0"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    two_sessions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert edit_map.main([str(two_sessions) if word == "MAP" else word for word in arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("error: ") == 1
    assert list(tmp_path.iterdir()) == [] and len(PlaceMap.open(two_sessions)) == 60
