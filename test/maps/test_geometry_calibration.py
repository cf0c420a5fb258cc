# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What keypoints say, weighed: the shipped default, what a map learned, and its way through the manifest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vpr_ros.core.evidence import GEOMETRIC_EVIDENCE_NAMES
from vpr_ros.maps.geometry_calibration import GeometryCalibration

LEARNED = GeometryCalibration(
    "held_out", alone_weight=1.0, place_weights=(0.0, 0.0, 3.0, 1.0), place_bias=-1.0, usual_precision=2.5
)


def row(inliers: int, coverage: float, share: float = 0.5, precision: float = np.nan) -> list[float]:
    return [np.log1p(inliers), share, coverage, precision]


def stated(calibration: GeometryCalibration, *rows: list[float], alone: float = 0.3) -> list[float]:
    return calibration.probability(np.full(len(rows), alone), np.array(rows)).tolist()  # type: ignore[no-any-return]


def test_the_default_believes_forty_inliers_over_a_third_of_the_image_as_often_as_not() -> None:
    none, few, even, many, all_over = stated(
        GeometryCalibration(), row(0, 0.0), row(20, 0.2), row(40, 1 / 3), row(100, 0.3), row(100, 0.6)
    )
    assert none < 1e-6 and few < 0.05 and even == pytest.approx(0.45, abs=0.03)
    assert many > 0.9 and many < all_over < 0.95


def test_what_was_not_compared_keeps_its_probability() -> None:
    assert stated(LEARNED, [np.nan] * 4, row(90, 0.5))[0] == 0.3


@pytest.mark.parametrize("calibration", [GeometryCalibration(), LEARNED])
@pytest.mark.parametrize("column", range(4))
def test_more_of_anything_never_speaks_against(calibration: GeometryCalibration, column: int) -> None:
    rows = np.array([row(45, 0.3, precision=2.0)] * 5)
    rows[:, column] = np.linspace(0.1, 5.0, 5)
    assert (np.diff(calibration.probability(np.full(5, 0.3), rows)) >= 0).all()
    assert (np.diff(calibration.probability(np.linspace(0.0, 1.0, 5), rows[:1].repeat(5, axis=0))) >= 0).all()


def test_an_unknown_precision_is_the_usual_one_and_none_found_speaks_against() -> None:
    unknown, usual, none = (row(90, 0.5, precision=precision) for precision in (np.nan, 2.5, 0.0))
    assert stated(LEARNED, unknown) == stated(LEARNED, usual)
    assert stated(LEARNED, none)[0] < stated(LEARNED, usual)[0]
    assert stated(GeometryCalibration(), none) == stated(GeometryCalibration(), usual)


def test_it_survives_the_manifest() -> None:
    assert GeometryCalibration.from_dict(LEARNED.to_dict()) == LEARNED
    assert GeometryCalibration.from_dict(GeometryCalibration().to_dict()) == GeometryCalibration()


@pytest.mark.parametrize(
    "change",
    [
        {"scene_weights": [1.0, 2.0]},
        {"place_weights": [0.0, 0.0, -1.0, 0.0]},
        {"alone_weight": -0.1},
        {"scene_bias": 1e300},
        {"place_bias": float("nan")},
        {"kind": "guessed"},
        {"evidence": list(GEOMETRIC_EVIDENCE_NAMES[:3])},
        {"samples_right": -1},
    ],
)
def test_what_this_software_cannot_use_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(change))):
        GeometryCalibration.from_dict({**LEARNED.to_dict(), **change})


def test_no_probability_by_similarity_is_beyond_doubt() -> None:
    sure = replace(LEARNED, place_bias=0.0)
    assert 0.0 < stated(sure, row(90, 0.5), alone=0.0)[0] < stated(sure, row(90, 0.5), alone=1.0)[0] < 1.0
