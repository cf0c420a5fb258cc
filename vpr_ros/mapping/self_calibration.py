# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Fit a map's calibration on frames it was built from, re-taken with other light and viewpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose_average import MAX_ANGLE_RAD
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.geometry_fit import geometry_calibration
from vpr_ros.mapping.held_out import HeldOut, HeldOutAnswers, PoseErrors
from vpr_ros.mapping.logistic import fit_logistic
from vpr_ros.mapping.residual_fit import fit_residual
from vpr_ros.mapping.second_look import FEWEST_FRAMES, Retaken
from vpr_ros.maps.calibration import MIN_ANSWERS, Calibration, Triple, default_calibration
from vpr_ros.maps.geometry_calibration import GeometryCalibration
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.residuals import Residual, Residuals
from vpr_ros.maps.spacing import median_spacing_m

MAX_AS_THEY_ARE = 200
OTHER_HEADING_RAD = 0.03
"""No retrieved heading is surer: another drive does not head along a track as the mapped one did."""
PRIOR_SIGMA = (0.3, 3.0, 3.0)
"""Of the weights of ``EVIDENCE_NAMES``. Another day's light moves every similarity, and a map of one drive cannot know
how far: what it learns of the similarity alone counts little."""


def self_calibration(
    place_map: PlaceMap,
    retaken: Callable[[], Retaken],
    spacing_m: float,
) -> tuple[Calibration, GeometryCalibration]:
    """Calibrate the map, or return the cautious defaults where it is too small; the second needs its local features.

    Args:
        place_map: the map; of its calibration the radius alone counts.
        retaken: gives some of its frames in another light.
        spacing_m: median distance between neighbouring frames.
    """
    radius_m = place_map.manifest.calibration.radius_m
    default = default_calibration(radius_m, spacing_m)
    if len(place_map) < FEWEST_FRAMES:
        return default, GeometryCalibration()
    rows, queries = retaken()
    held_out = HeldOut(place_map, spacing_m)
    again = held_out.ask(rows, queries, retaken=True)
    as_they_are = evenly(len(place_map), MAX_AS_THEY_ARE)
    same = held_out.ask(as_they_are, place_map.descriptors[as_they_are].astype(np.float32))
    # Right or wrong is learned in another light alone, where there is enough of it: within one drive even strangers
    # look more alike than that.
    evidence, right = _judged(again)
    if not _tells(right):
        evidence, right = _judged(again, same)
    if not _tells(right):
        judged = replace(default, samples_right=int(right.sum()), samples_wrong=int((~right).sum()))
        return judged, GeometryCalibration()
    residuals = _residuals(again.errors.joined(same.errors), spacing_m, radius_m, default.residuals)
    calibration = _fitted(evidence, right, residuals, radius_m)
    return calibration, geometry_calibration(place_map, calibration, held_out, rows, queries)


def residuals_as_it_is(place_map: PlaceMap, default: Residuals) -> Residuals:
    """How far the map's poses are off, asked in its own light; *default* where that says too little."""
    spacing_m = median_spacing_m(place_map.frames)
    return _residuals(_as_it_is(place_map).errors, spacing_m, place_map.manifest.calibration.radius_m, default)


def similarities_as_they_are(place_map: PlaceMap) -> Calibration | None:
    """Calibrate a map of which no image is at hand, asked in its own light; None where it says too little.

    A map of several sessions is asked in the light of each, which is what another day's is like.
    """
    evidence, right = _judged(asked := _as_it_is(place_map))
    if len(place_map) < FEWEST_FRAMES or not _tells(right):
        return None
    spacing_m, radius_m = median_spacing_m(place_map.frames), place_map.manifest.calibration.radius_m
    default = default_calibration(radius_m, spacing_m)
    residuals = _residuals(asked.errors, spacing_m, radius_m, default.residuals)
    return _fitted(evidence, right, residuals, radius_m)


def _as_it_is(place_map: PlaceMap) -> HeldOutAnswers:
    rows = evenly(len(place_map), MAX_AS_THEY_ARE)
    held_out = HeldOut(place_map, median_spacing_m(place_map.frames))
    return held_out.ask(rows, place_map.descriptors[rows].astype(np.float32))


def _fitted(
    evidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], residuals: Residuals, radius_m: float
) -> Calibration:
    fit = fit_logistic(evidence, right, PRIOR_SIGMA)
    return Calibration(
        kind="held_out",
        radius_m=radius_m,
        mean=_triple(fit.mean),
        scale=_triple(fit.scale),
        weights=_triple(fit.weights),
        bias=fit.bias,
        residuals=residuals,
        samples_right=int(right.sum()),
        samples_wrong=int((~right).sum()),
    )


def _judged(*asked: HeldOutAnswers) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Evidence (N, 3) of every answer, and whether it was right (N,)."""
    evidence = [part for answers in asked for part in (answers.known, answers.unknown)]
    right = [part for answers in asked for part in (answers.right, np.zeros(len(answers.unknown), dtype=bool))]
    return np.concatenate(evidence), np.concatenate(right)


def _tells(right: npt.NDArray[np.bool_]) -> bool:
    """Whether there are right and wrong answers enough to tell them apart."""
    return min(int(right.sum()), int((~right).sum())) >= MIN_ANSWERS


def _residuals(errors: PoseErrors, spacing_m: float, radius_m: float, default: Residuals) -> Residuals:
    if len(errors.log_drop) < MIN_ANSWERS:
        return default
    reference = float(np.median(errors.log_drop))

    def fit(axes: list[int], floor: float, most: float, default: Residual) -> Residual:
        return fit_residual(errors.squared[:, axes], reference - errors.log_drop, floor, most, default)

    return Residuals(
        similarity=default.similarity,
        log_drop=reference,
        horizontal_m=fit([0, 1], spacing_m / np.sqrt(24), radius_m, default.horizontal_m),
        vertical_m=fit([2], 0.0, radius_m, default.vertical_m),
        tilt_rad=fit([3, 4], 0.0, MAX_ANGLE_RAD, default.tilt_rad),
        yaw_rad=fit([5], OTHER_HEADING_RAD, MAX_ANGLE_RAD, default.yaw_rad),
    )


def _triple(values: npt.NDArray[np.float64]) -> Triple:
    one, two, three = values.tolist()
    return one, two, three
