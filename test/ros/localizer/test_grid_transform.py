# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""grid -> map on /tf_static: said once for each change, never a frame in itself, and beside map -> odom."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from some_setup import some_setup

from vpr_ros.core.pose import Pose
from vpr_ros.mapping.upkeep import align
from vpr_ros.maps.grid_alignment import GridAlignment
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.localizer.grid_transform import SOURCE, GridTransform
from vpr_ros.ros.localizer.parameters import Value
from vpr_ros.ros.localizer.setup import LocalizerSetup

T = Pose.from_xy_yaw(3.0, -2.0, 0.5)


class Tree:
    """Keeps what is broadcast; also what a node's logger keeps."""

    def __init__(self) -> None:
        self.sent: list[tuple[Pose, str, str, int]] = []
        self.warned: list[str] = []

    def broadcast_static(self, *sent: Any) -> None:
        self.sent.append(sent)  # type: ignore[arg-type]

    def warning(self, text: str) -> None:
        self.warned.append(text)


@pytest.fixture(scope="module")
def plain(texture_map: Path) -> LocalizerSetup:
    return some_setup(texture_map)


@pytest.fixture(scope="module")
def aligned(texture_map: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(texture_map, tmp_path_factory.mktemp("aligned") / "map"))
    align(folder, GridAlignment("floor", T, 2, 0.01))
    return folder


@pytest.fixture
def tree() -> Tree:
    return Tree()


def of(folder: Path, plain: LocalizerSetup, tree: Tree | None, **parameters: Any) -> LocalizerSetup:
    return some_setup(folder, tree, plain, **parameters)


def test_it_is_sent_once_and_again_when_a_frame_is_called_otherwise(
    aligned: Path, plain: LocalizerSetup, tree: Tree
) -> None:
    errors, written = ErrorLog(tree.warning), GridTransform(ErrorLog(tree.warning), tree)
    for _ in range(2):
        written.publish(of(aligned, plain, tree), 5)
    assert tree.sent == [(T, "floor", "map", 5)]
    written.publish(of(aligned, plain, tree, grid_frame="map", map_frame="vpr_map", publish_tf=True), 6)
    assert tree.sent[1:] == [(T, "map", "vpr_map", 6)] and errors.last is None
    written.publish(of(plain.place_map.path, plain, tree), 7)
    assert len(tree.sent) == 2 and "'map' -> 'vpr_map' of the map before stays" in tree.warned[0]


def test_a_map_that_nobody_aligned_says_nothing(plain: LocalizerSetup, tree: Tree) -> None:
    GridTransform(ErrorLog(tree.warning), tree).publish(of(plain.place_map.path, plain, tree), 5)
    assert tree.sent == [] and tree.warned == []


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"grid_frame": "/map"}, "its own frame is called 'map' too"),
        ({"map_frame": "floor"}, "its own frame is called 'floor' too"),
        ({"grid_frame": "odom"}, "'odom' as odom_frame, which moves below"),
        ({"grid_frame": "base_link"}, "'base_link' as base_frame"),
    ],
)
def test_frames_that_are_one_are_said_and_end_nothing(
    aligned: Path, plain: LocalizerSetup, tree: Tree, parameters: dict[str, Value], found: str
) -> None:
    errors = ErrorLog(tree.warning)
    GridTransform(errors, tree).publish(of(aligned, plain, tree, **parameters), 5)
    last = errors.last_of(SOURCE)
    assert tree.sent == [] and last is not None and found in last.problem


def test_without_tf_it_is_said(aligned: Path, plain: LocalizerSetup, tree: Tree) -> None:
    errors = ErrorLog(tree.warning)
    GridTransform(errors, tree).publish(of(aligned, plain, None), 5)
    last = errors.last_of(SOURCE)
    assert last is not None and "there is no TF to publish that" in last.problem
