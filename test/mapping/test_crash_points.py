# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""kill -9 during a build, before every single step on disk: a whole map stands there, and the build can go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.mapping import build_map
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.maps import PlaceMap

HERE = Path(__file__).resolve().parent
FEWEST_STEPS = 20
BUILDS = (
    ("append", "two_steps"),
    ("append", "exchange"),
    ("overwrite", "exchange"),
    ("local", "exchange"),
    ("edit", "exchange"),
    ("fresh", "exchange"),
)
"""What is built, and how names are exchanged; the longest first."""
Killed = dict[tuple[str, str], tuple[Path, list[dict[str, Any]]]]


class OutOfPower(BaseException):
    """Ends a build as nothing that is handled would."""


def deaths(mode: str, rename: str, folder: Path) -> list[dict[str, Any]]:
    """One row for each step before which the build was killed, and one for the build that lived."""
    done = subprocess.run(
        [sys.executable, HERE / "dying_builder.py", mode, rename, folder],
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE.parents[1]}:{HERE.parent}",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["status"] for row in rows] == [-signal.SIGKILL] * (len(rows) - 1) + [0]
    assert len(rows) > FEWEST_STEPS
    return rows


@pytest.fixture(scope="module")
def killed_builds(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """The folder and the rows of each of ``BUILDS``, two at a time."""
    folders = [tmp_path_factory.mktemp(mode) for mode, _ in BUILDS]
    with ThreadPoolExecutor(2) as pool:
        rows = pool.map(deaths, *zip(*BUILDS, strict=True), folders)
        return {build: (folder, found) for build, folder, found in zip(BUILDS, folders, rows, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "before"),
    [("fresh", "nothing"), ("overwrite", "old"), ("append", "old"), ("local", "old"), ("edit", "old")],
)
def test_a_killed_build_leaves_the_old_map_or_the_new_one_and_resume_makes_the_new_one(
    killed_builds: Killed, mode: str, before: str
) -> None:
    _, (*killed, lived) = killed_builds[mode, "exchange"]
    changed = next(number for number, row in enumerate([*killed, lived]) if row["found"] == "new")
    assert changed > len(killed) // 3
    assert {row["found"] for row in killed[:changed]} == {before}
    assert {row["found"] for row in killed[changed:]} == {"new"}
    check_resumed(killed[:changed], "finished")
    check_resumed(killed[changed:], "complete")
    assert (lived["found"], lived["then"], lived["left"]) == ("new", "new", ["map"])
    if mode in ("append", "local"):
        check_resumed([lived], "complete")


@pytest.mark.slow
def test_where_names_cannot_be_exchanged_the_old_map_is_a_command_away_and_resume_makes_the_new_one(
    killed_builds: Killed,
) -> None:
    folder, (*killed, _) = killed_builds["append", "two_steps"]
    between = [number for number, row in enumerate(killed) if row["found"] not in ("old", "new")]
    assert len(between) == 1
    row = killed[between[0]]
    assert row["said"].startswith(
        f"map {folder / 'work' / 'map'} does not exist: a build was interrupted while it replaced"
    )
    assert f"the old map is {folder / 'work' / '.map.old'}" in row["said"]
    assert row["moved"] == "old"
    check_resumed(killed[: between[0] + 1], "finished")
    check_resumed(killed[between[0] + 1 :], "complete")


def check_resumed(rows: list[dict[str, Any]], reported: str) -> None:
    """The new map, once, and nothing beside it."""
    assert rows
    for row in rows:
        assert (row["again"], row["reported"], row["then"], row["left"]) == (0, reported, "new", ["map"]), row


@pytest.mark.slow
@pytest.mark.parametrize("cut_bytes", [1, 2, 40])
def test_a_journal_that_ends_within_its_last_line_loses_that_batch_only(tmp_path: Path, cut_bytes: int) -> None:
    """Also where all but the end of the line is on disk: it says that a batch is there, and nobody knows."""
    source = WallSource([0.5 * number for number in range(24)])
    whole = build_wall_map(tmp_path / "whole", source)
    with pytest.raises(OutOfPower):
        torn = WallSource(source.along_m, fails_at=20, failure=OutOfPower())
        build_map(torn, PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    journal = partial_path(tmp_path / "map") / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut_bytes])
    report = build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME, resume=True)
    assert report.resumed == EVERY_FRAME.batch_size
    for name in ("descriptors.npy", "frames.csv"):
        assert (tmp_path / "map" / name).read_bytes() == (whole.path / name).read_bytes()


def test_what_is_left_of_a_replaced_map_is_not_written_into(tmp_path: Path) -> None:
    """A node may still have it in memory, and a file cut short under a memory map kills whoever reads it."""
    opened = build_wall_map(tmp_path / "map", WallSource([0.0, 0.5, 1.0]))
    expected = np.array(opened.descriptors)
    left = partial_path(tmp_path / "other")
    opened.path.rename(left)
    with (left / "descriptors.npy").open("rb") as stream:
        before = stream.read()
        build_wall_map(tmp_path / "other", WallSource([10.0, 10.5]))
        stream.seek(0)
        assert stream.read() == before
    np.testing.assert_array_equal(opened.descriptors, expected)
    assert len(PlaceMap.open(tmp_path / "other")) == 2
    assert not left.exists()
