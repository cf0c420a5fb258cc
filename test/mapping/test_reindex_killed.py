# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``--reindex`` killed before each of its steps on disk: a map that answers stands there, and once more finishes it.

A build that is killed while it indexes is among those of ``test_crash_points``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_wall import WallSource, build_wall_map

from vpr_ros.core.errors import MapError
from vpr_ros.mapping import index_build
from vpr_ros.mapping.index_build import NEW_NAME, reindex
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.search import exact_search

STEPS = ((Path, "open"), (Path, "touch"), (Path, "replace"), (Path, "unlink"), (os, "fsync"))


FEWEST_STEPS = 8


class Killed(BaseException):
    """Ends a process as nothing that is handled would."""


def dies(patched: pytest.MonkeyPatch, steps: int) -> None:
    """After so many *steps* that change the disk nothing changes it any more, whatever cleans up."""
    left = steps

    def mortal(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            reads = name == "open" and not set("wxa+") & set(str(named.get("mode", (*arguments, "r", "r")[1])))
            if not reads:
                left -= 1
                if left < 0:
                    raise Killed
            return step(*arguments, **named)

        return taken

    for owner, name in STEPS:
        patched.setattr(owner, name, mortal(name, getattr(owner, name)))


def test_a_map_that_answers_is_left_and_the_next_one_finishes(tmp_path: Path) -> None:
    old = build_wall_map(tmp_path / "old", WallSource([0.5 * step for step in range(24)])).path
    wall = reindex(old, "compressed", None).descriptors
    queries = wall[::9].astype(np.float32)
    expected = exact_search(wall, queries, 5).indices
    path, files = tmp_path / "map", {file.name for file in old.iterdir()}
    for steps in count():
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(old, path)
        with pytest.MonkeyPatch.context() as patched:
            dies(patched, steps)
            try:
                reindex(path, "lists", None)
                break
            except Killed:
                pass
        left = PlaceMap.open(path)
        assert left.index.fault is not None or left.index.kind in ("compressed", "lists")
        np.testing.assert_array_equal(left.search(queries, 5).indices, expected)
        finished = reindex(path, "lists", None)
        assert finished.index.kind == "lists" and {file.name for file in path.iterdir()} == files, steps
        finished.verify()
    assert steps >= FEWEST_STEPS


def test_what_one_left_is_gone_where_the_next_makes_no_file(wall_map: PlaceMap, tmp_path: Path) -> None:
    path = Path(shutil.copytree(wall_map.path, tmp_path / "map"))
    (path / NEW_NAME).write_bytes(b"half of it")
    reindex(path, "exact", None)
    assert not list(path.glob("index*"))


def test_a_map_that_was_replaced_meanwhile_is_not_given_the_index_of_the_old_one(
    wall_map: PlaceMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copytree(wall_map.path, tmp_path / "map"))
    made = index_build._codes

    def meanwhile(*arguments: Any) -> Any:
        shutil.rmtree(path)
        build_wall_map(path, WallSource([0.0, 0.5, 1.0]))
        return made(*arguments)

    monkeypatch.setattr(index_build, "_codes", meanwhile)
    with pytest.raises(MapError, match="was replaced while its index was made"):
        reindex(path, "compressed", None)
    assert len(PlaceMap.open(path)) == 3 and not list(path.glob("index*"))
