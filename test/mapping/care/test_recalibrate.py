# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map that was made of others says of itself: carried over with a reason, counted anew, or dropped and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, GridFeatures, PixelExtractor, WallSource

from vpr_ros.mapping import build_map
from vpr_ros.mapping.care.recalibrate import carried_over, of_all, wider
from vpr_ros.mapping.care.selection import selected
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.drive import Drive
from vpr_ros.maps.promise import Promise
from vpr_ros.maps.residuals import Residual, Residuals
from vpr_ros.maps.tally import Tally


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """A map that was calibrated on a drive."""
    folder = tmp_path_factory.mktemp("asked") / "map"
    track = [0.5 * number for number in range(40)]
    build_map(WallSource(track), PixelExtractor(), folder, EVERY_FRAME, local_model=GridFeatures())
    built = PlaceMap.open(folder)
    assert built.manifest.local is not None
    mirrored = Tally.of(np.array([60.0, 70.0]), np.ones(2, dtype=bool))
    drives = (Drive("night", "2026-11-27", Tally()),)
    local = replace(built.manifest.local, promise=Promise(mirrored=mirrored))
    return built.with_manifest(replace(built.manifest, local=local, drives=drives))


def test_where_nothing_was_taken_out_the_drives_stay(asked: PlaceMap, tmp_path: Path) -> None:
    everything = np.arange(len(asked))
    (tmp_path / "all").mkdir()
    kept = selected(asked, everything).write(tmp_path / "all").manifest
    assert kept.drives == asked.manifest.drives and kept.calibration == asked.manifest.calibration
    assert selected(asked, everything[1:]).recalibrate is carried_over


def test_a_calibration_by_drives_goes_and_that_is_said(asked: PlaceMap, caplog: pytest.LogCaptureFixture) -> None:
    said = carried_over(asked)
    assert said.local is not None and said.local.promise is not None
    assert said.drives == () and said.local.promise.mirrored.answers == 2
    assert said.local.promise.left_out.answers > 0
    assert "the calibration by 1 drives (night) is dropped" in caplog.text
    assert said.local.calibration == asked.manifest.local.calibration  # type: ignore[union-attr]


def test_of_two_calibrations_the_more_cautious_one_holds(asked: PlaceMap) -> None:
    sure = asked.manifest
    cautious = replace(sure, calibration=replace(sure.calibration, bias=sure.calibration.bias - 3.0, radius_m=99.0))
    for order in ([sure, cautious], [cautious, sure]):
        found = of_all(asked, order)
        assert found.calibration.bias == cautious.calibration.bias
        assert found.calibration.radius_m == sure.calibration.radius_m  # that of the new map
        assert found.local is not None and found.local.promise is not None
        assert found.local.promise.mirrored.answers == 4


def test_a_deviation_never_shrinks() -> None:
    constant, growing = Residual.constant(0.1), Residual(0.1, 5.0, 0.1, 9.0)
    known = Residuals(0.6, Residual(1.0, 2.0, 0.5, 4.0), constant, constant, constant)
    found = Residuals(0.8, Residual(0.1, 0.0, 0.7, 3.0), growing, growing, growing)
    both = wider(known, found)
    assert both.horizontal_m == Residual(1.0, 2.0, 0.7, 4.0)
    assert both.yaw_rad == Residual(pytest.approx(0.1 * np.exp(1.0)), 0.0, 0.1, 9.0)  # type: ignore[arg-type]
    assert both.similarity == 0.6
    by_drop = wider(known, replace(found, log_drop=0.3))
    assert (by_drop.log_drop, by_drop.horizontal_m) == (0.3, Residual(1.0, 0.0, 0.7, 4.0))


def test_two_maps_too_small_to_calibrate_themselves_may_be_large_enough_together(tmp_path: Path) -> None:
    build_map(WallSource([0.5 * number for number in range(80)]), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    built = PlaceMap.open(tmp_path / "map")
    small = replace(built.manifest, calibration=replace(built.manifest.calibration, kind="default"))
    assert of_all(built, [small, small]).calibration.kind == "held_out"
