# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map that was made of others says of itself: their images are not at hand to be seen in another light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from vpr_ros.mapping.geometry_fit import calibrated_as_it_is
from vpr_ros.mapping.held_out import HeldOut
from vpr_ros.mapping.self_calibration import residuals_as_it_is, similarities_as_they_are
from vpr_ros.maps.calibration import Calibration, default_calibration
from vpr_ros.maps.geometry_calibration import GeometryCalibration
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.residuals import Residual, Residuals
from vpr_ros.maps.spacing import median_spacing_m

MOST_ASKED = 100


def carried_over(place_map: PlaceMap) -> tuple[Calibration, GeometryCalibration | None]:
    """The calibration of the map that *place_map* was taken out of, which it has still.

    It was fitted in another light on images that are not at hand; a fit in the map's own light would flatter it. How
    far poses are off follows from how dense the map is, so that the wider of what was known and what is found holds.
    """
    earlier, keypoints = place_map.manifest.calibration, place_map.manifest.keypoint_calibration
    if earlier.kind == "default":
        spacing_m = median_spacing_m(place_map.frames)
        return default_calibration(earlier.radius_m, spacing_m), keypoints
    found = residuals_as_it_is(place_map, earlier.residuals)
    return replace(earlier, residuals=wider(earlier.residuals, found)), keypoints


def of_all(place_map: PlaceMap, earlier: Sequence[Calibration]) -> tuple[Calibration, GeometryCalibration | None]:
    """The calibration of a map that was made of several, with theirs.

    The most cautious of those that were fitted in another light is carried over: the one by which the map's own answers
    are least probable. Where none was, the map is asked in the light of its sessions. What keypoints say is fitted
    anew.
    """
    fitted = [one for one in earlier if one.kind == "held_out"]
    radius_m = place_map.manifest.calibration.radius_m
    calibration = min(fitted, key=lambda one: _mean_probability(place_map, one)) if fitted else None
    if calibration is not None:
        found = residuals_as_it_is(place_map, calibration.residuals)
        for one in fitted:
            found = wider(one.residuals, found)
        calibration = replace(calibration, radius_m=radius_m, residuals=found)
    else:
        calibration = similarities_as_they_are(place_map)
    if calibration is None:
        calibration = default_calibration(radius_m, median_spacing_m(place_map.frames))
    asked = PlaceMap(
        place_map.path,
        replace(place_map.manifest, calibration=calibration),
        place_map.frames,
        place_map.descriptors,
        None,
        place_map.local,
    )
    return calibration, None if place_map.local is None else calibrated_as_it_is(asked)


def wider(known: Residuals, found: Residuals) -> Residuals:
    """Part by part the larger deviation, at the similarity at which *known* holds."""
    fall = found.similarity - known.similarity
    parts: dict[str, Any] = {
        part.name: _wider(getattr(known, part.name), getattr(found, part.name), fall)
        for part in fields(Residuals)
        if part.name != "similarity"
    }
    return replace(known, **parts)


def _wider(known: Residual, found: Residual, fall: float) -> Residual:
    return Residual(
        max(known.sigma, found.after(fall)),
        known.growth,
        max(known.least, found.least),
        max(known.most, found.most),
    )


def _mean_probability(place_map: PlaceMap, calibration: Calibration) -> float:
    rows = np.unique(np.linspace(0, len(place_map) - 1, min(MOST_ASKED, len(place_map))).round().astype(np.int64))
    held_out = HeldOut(place_map, median_spacing_m(place_map.frames))
    answers = held_out.ask(rows, place_map.descriptors[rows].astype(np.float32))
    return float(calibration.probability(np.concatenate([answers.known, answers.unknown])).mean())
