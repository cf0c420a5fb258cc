# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pruning: what is spare goes, nothing that the map answers about itself is lost, and each session stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import build_map
from vpr_ros.mapping.care.prune import pruned
from vpr_ros.mapping.care.selection import selected
from vpr_ros.mapping.care.viewpoints import Viewpoints
from vpr_ros.maps import PlaceMap


class TurningOnTheSpot(WallSource):
    """Heads elsewhere with every second frame."""

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, record in enumerate(super().__iter__()):
            yield replace(record, T_map_base=Pose.from_xy_yaw(1.0, 0.0, (number // 2) * np.pi / 2))


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """Two sessions of one stretch, a frame every ten centimetres; one place is 0.5 m."""
    folder = tmp_path_factory.mktemp("dense") / "map"
    track = [0.1 * number for number in range(100)]
    build_wall_map(folder, WallSource(track, description="first"))
    build_map(WallSource(track[:60], description="second"), PixelExtractor(), folder, EVERY_FRAME, append=True)
    return PlaceMap.open(folder)


def test_no_answer_is_lost_and_two_of_five_frames_go(dense: PlaceMap) -> None:
    found = pruned(dense, 1.0, None)
    assert len(found.rows) < 0.6 * len(dense)
    assert found.right[1] >= found.right[0] > 0.9 * found.questions
    assert found.likely[1] >= found.likely[0]
    assert set(dense.frames.session[found.rows].tolist()) == {0, 1}


def test_no_viewpoint_is_farther_from_those_kept_than_a_quarter_of_a_place(dense: PlaceMap) -> None:
    rows = pruned(dense, 1.0, None).rows
    within_m = dense.manifest.calibration.radius_m / 4
    for session in (0, 1):
        of = dense.frames.session == session
        kept = dense.frames.position_m[rows[of[rows]]]
        apart_m = np.linalg.norm(dense.frames.position_m[of][:, None] - kept[None], axis=2).min(axis=1)
        assert apart_m.max() <= within_m + 1e-9


@pytest.mark.parametrize("most", [1, 7, 50, 159])
def test_as_many_as_are_asked_for(dense: PlaceMap, most: int) -> None:
    found = pruned(dense, 1.0, most)
    assert len(found.rows) == most == len(np.unique(found.rows))
    steps_m = np.diff(dense.frames.position_m[found.rows][dense.frames.session[found.rows] == 0][:, 0])
    assert most < 50 or steps_m.max() <= 0.5 + 1e-9


def test_more_than_there_are_is_refused(dense: PlaceMap) -> None:
    with pytest.raises(MapError, match="has 160 frames, 160 are to be kept"):
        pruned(dense, 1.0, 160)


def test_a_share_may_be_given_up(dense: PlaceMap) -> None:
    strict, loose = pruned(dense, 1.0, None), pruned(dense, 0.5, None)
    assert len(loose.rows) <= len(strict.rows)
    assert loose.right[1] >= 0.5 * loose.right[0]


def test_a_turn_is_another_viewpoint(tmp_path: Path) -> None:
    """Two looks each way of one point, as of a robot that turns on the spot."""
    built = build_wall_map(tmp_path / "map", TurningOnTheSpot([1.0] * 8))
    assert Viewpoints(built).spread(0.25, np.zeros(8, dtype=bool)).sum() == 4


def test_the_pruned_map_keeps_its_calibration_and_doubts_its_poses_no_less(dense: PlaceMap, tmp_path: Path) -> None:
    new = selected(dense, pruned(dense, 1.0, 20).rows)
    (tmp_path / "new").mkdir()
    made = new.write(tmp_path / "new").manifest.calibration
    before = dense.manifest.calibration
    assert (made.kind, made.radius_m, made.weights, made.bias) == (
        "held_out",
        *(getattr(before, name) for name in ("radius_m", "weights", "bias")),
    )
    assert made.residuals.horizontal_m.sigma >= before.residuals.horizontal_m.sigma
    assert made.residuals.horizontal_m.least > before.residuals.horizontal_m.least
