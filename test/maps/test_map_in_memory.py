# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map whose files change under the one who opened it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.maps import PlaceMap


@pytest.fixture
def opened(wall_map: PlaceMap, tmp_path: Path) -> PlaceMap:
    return PlaceMap.open(Path(shutil.copytree(wall_map.path, tmp_path / "map")))


def test_a_copy_in_memory_is_the_same_map(opened: PlaceMap) -> None:
    copy = opened.in_memory()
    assert len(copy) == len(opened)
    assert copy.is_current()
    assert not np.shares_memory(copy.descriptors, opened.descriptors)
    np.testing.assert_array_equal(copy.descriptors, opened.descriptors)
    assert copy.descriptors.dtype == opened.descriptors.dtype
    assert copy.pose(3) == opened.pose(3)


def test_it_answers_although_its_file_was_cut_short(opened: PlaceMap) -> None:
    copy = opened.in_memory()
    query = np.array(opened.descriptors[7:8], dtype=np.float32)
    (opened.path / "descriptors.npy").write_bytes(b"")
    assert copy.search(query, 1).indices.tolist() == [[7]]


def touch(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize("name", ["manifest.yaml", "frames.csv", "descriptors.npy"])
@pytest.mark.parametrize("change", [touch, Path.unlink])
def test_whatever_file_changes_the_map_is_no_longer_current(
    opened: PlaceMap, name: str, change: Callable[[Path], None]
) -> None:
    assert opened.is_current()
    change(opened.path / name)
    assert not opened.is_current()
