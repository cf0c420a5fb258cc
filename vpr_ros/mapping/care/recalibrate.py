# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map that was made of others says of itself: their images are not at hand to be seen in another light."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from vpr_ros.core.printable import printable
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.geometry_fit import calibrated_as_it_is
from vpr_ros.mapping.held_out import HeldOut
from vpr_ros.mapping.promise_fit import own_promise
from vpr_ros.mapping.self_calibration import residuals_as_it_is, similarities_as_they_are
from vpr_ros.maps.calibration import Calibration, default_calibration
from vpr_ros.maps.manifest import MapManifest
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.promise import NOTHING
from vpr_ros.maps.residuals import Residual, Residuals
from vpr_ros.maps.spacing import median_spacing_m

_LOG = logging.getLogger(__name__)
MOST_ASKED = 100
NAMES_TOLD = 5


def carried_over(place_map: PlaceMap) -> MapManifest:
    """What the map says that was taken out of another, of which *place_map* has the manifest still.

    The calibration was fitted in another light on images that are not at hand; a fit in the map's own light would
    flatter it. How far poses are off follows from how dense the map is, so that the wider of what was known and what is
    found holds.
    """
    manifest = place_map.manifest
    earlier = manifest.calibration
    if earlier.kind == "default":
        calibration = default_calibration(earlier.radius_m, median_spacing_m(place_map.frames))
    else:
        found = residuals_as_it_is(place_map, earlier.residuals)
        calibration = replace(earlier, residuals=wider(earlier.residuals, found))
    manifest = replace(manifest, calibration=calibration)
    return _with_promise(place_map.with_manifest(manifest), [manifest])


def as_it_was(place_map: PlaceMap) -> MapManifest:
    """What a map says of which nothing was taken: what it said, drives and all."""
    return place_map.manifest


def of_all(place_map: PlaceMap, earlier: Sequence[MapManifest]) -> MapManifest:
    """What a map says that was made of several, with what they said.

    The most cautious of the calibrations that were fitted in another light is carried over: the one by which the map's
    own answers are least probable. Where none was, the map is asked in the light of its sessions. What keypoints say is
    fitted anew.
    """
    fitted = [one.calibration for one in earlier if one.calibration.kind == "held_out"]
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
    manifest = replace(place_map.manifest, calibration=calibration)
    if manifest.local is not None:
        keypoints = calibrated_as_it_is(place_map.with_manifest(manifest))
        manifest = replace(manifest, local=replace(manifest.local, calibration=keypoints))
    return _with_promise(place_map.with_manifest(manifest), earlier)


def _with_promise(place_map: PlaceMap, earlier: Sequence[MapManifest]) -> MapManifest:
    """The manifest with what the map can promise now: it is asked anew which of its places look alike.

    What mirrored images were taken for stays counted, for they are not at hand and a map of fewer places is not surer.
    What drives were answered is dropped: the map answers otherwise now.
    """
    manifest = replace(place_map.manifest, drives=(), restated=None)
    if drives := [drive.name for one in earlier for drive in one.drives]:
        _LOG.warning(
            "warning: the calibration by %d drives (%s) is dropped, for the map answers otherwise now: calibrate again",
            len(drives),
            ", ".join(map(printable, drives[:NAMES_TOLD])),
        )
    if manifest.local is None:
        return manifest
    known = [one.local.promise for one in earlier if one.local is not None and one.local.promise is not None]
    mirrored = sum((promise.mirrored for promise in known), NOTHING)
    promise = replace(own_promise(place_map.with_manifest(manifest)), mirrored=mirrored)
    return replace(manifest, local=replace(manifest.local, promise=promise))


def wider(known: Residuals, found: Residuals) -> Residuals:
    """Part by part the larger deviation, at what *known* holds at; by the measure of *found* where that is another."""
    if (known.log_drop is None) != (found.log_drop is None):
        known, found, fall = found, known, 0.0
    elif known.log_drop is None or found.log_drop is None:
        fall = found.similarity - known.similarity
    else:
        fall = found.log_drop - known.log_drop
    parts: dict[str, Any] = {
        part.name: _wider(getattr(known, part.name), getattr(found, part.name), fall)
        for part in fields(Residuals)
        if part.name not in ("similarity", "log_drop")
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
    rows = evenly(len(place_map), MOST_ASKED)
    held_out = HeldOut(place_map, median_spacing_m(place_map.frames))
    answers = held_out.ask(rows, place_map.descriptors[rows].astype(np.float32))
    return float(calibration.probability(np.concatenate([answers.known, answers.unknown])).mean())
