# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What somebody who builds or opens a map should know before trusting it."""

from __future__ import annotations

import math

import numpy as np

from vpr_ros.maps.calibration import MIN_ANSWERS
from vpr_ros.maps.place_map import PlaceMap

LARGEST_EPIPOLAR_SHARE = 0.0028
"""Of the image's diagonal, 2.2 px of 640x480. RedKitchen: 1.6 px with fitted intrinsics, 2.0 px with usable ones, 3.1
px with published ones that do not fit."""
FAR_M = 10_000.0
"""Beyond this, float32 coordinates (``~/matches`` in RViz) are a millimetre apart and soon centimetres."""


def map_warnings(place_map: PlaceMap) -> tuple[str, ...]:
    """One text per concern, problem and remedy as an error has them; empty for a map without."""
    concerns = (
        calibration_warning(place_map),
        radius_warning(place_map),
        distance_warning(place_map),
        no_features_warning(place_map),
        no_depth_warning(place_map),
        intrinsics_warning(place_map),
        index_warning(place_map),
    )
    return tuple(concern for concern in concerns if concern)


def calibration_warning(place_map: PlaceMap) -> str:
    """That the stated probabilities are a guess, "" where the map calibrated itself or a drive did."""
    calibration = place_map.manifest.calibration
    if calibration.kind != "default" or place_map.manifest.restated is not None:
        return ""
    found = (
        f"the map could not calibrate itself ({len(place_map)} frames gave {calibration.samples_right} right and "
        f"{calibration.samples_wrong} wrong answers, {MIN_ANSWERS} of each are needed): its probabilities "
    )
    if place_map.manifest.keypoint_calibration is not None:
        return (
            f"{found}rest on how many keypoints agree, and are a cautious guess where none are compared. Map more of "
            "the place with build_map --append, and give the robot the model of the map's local features."
        )
    return (
        f"{found}are a cautious guess, which refuses most right answers. Map more of the place with build_map "
        "--append; until then lower localizer.min_probability as far as evaluate on a second drive allows."
    )


def radius_warning(place_map: PlaceMap) -> str:
    """That what counts as one place is not what is seen of one, "" where it is, or nobody could tell."""
    entry, radius_m = place_map.manifest.local, place_map.manifest.calibration.radius_m
    if entry is None or entry.viewing_range is None or not entry.viewing_range.contradicts(radius_m):
        return ""
    seen = entry.viewing_range
    if radius_m >= 2 * seen.most_m:
        why = "so that frames of different scenes count as one place"
    else:
        why = "so that answers that show the right scene count as wrong"
    return (
        f"one place reaches {radius_m:.3g} m, but the map's own frames show one scene {seen.words}, {why}. Build it "
        f"again with --radius {seen.proposed_m:.3g}, unless a task of yours asks for the other."
    )


def distance_warning(place_map: PlaceMap) -> str:
    """That the coordinates are too large for some consumers, "" where they are not."""
    farthest_m = float(np.abs(place_map.frames.position_m).max(initial=0.0))
    if farthest_m <= FAR_M:
        return ""
    step_m = float(np.spacing(np.float32(farthest_m)))
    return (
        f"the map's coordinates reach {farthest_m:.0f} m: AMCL refuses start poses that far from zero, and what is "
        f"sent as float32 (~/matches) is exact to {step_m:.2g} m only. Build the map with --local-origin."
    )


def no_features_warning(place_map: PlaceMap) -> str:
    """That the local model found nothing in any frame, "" where it did, or there is none."""
    entry = place_map.manifest.local
    if entry is None or entry.features:
        return ""
    return (
        f"the local model {entry.name} {entry.version} found no keypoint in any of {len(place_map)} frames, so that no "
        "match is checked: what it gave is not finite, has no score above 0, or the images show nothing. Look at the "
        "images; if they are ordinary ones, export the model in a higher precision."
    )


def no_depth_warning(place_map: PlaceMap) -> str:
    """That nothing is known of where the local features lie, "" where something is."""
    entry = place_map.manifest.local
    if entry is None or entry.with_depth or not entry.features:
        return ""
    cameras = place_map.manifest.cameras
    if not place_map.frames.has_orientation.any():
        why = "the orientations of its frames are unknown. Build it from poses that have them"
    elif all(camera.intrinsics is None for camera in cameras):
        why = f"the intrinsics of {cameras[0].name} are unknown. Build it with --intrinsics FILE"
    else:
        why = (
            "its frames do not agree on a point that several of them see. Check the intrinsics, the camera's place on "
            "the robot and the poses, or keep more frames (--min-distance)"
        )
    return f"no local feature of the map has a depth, so that matches are checked but give no pose: {why}."


def intrinsics_warning(place_map: PlaceMap) -> str:
    """That poses and intrinsics do not fit together, "" where they do, or nobody can tell."""
    entry = place_map.manifest.local
    known = [camera.intrinsics for camera in place_map.manifest.cameras if camera.intrinsics is not None]
    if entry is None or entry.epipolar_px is None or not known:
        return ""
    most_px = LARGEST_EPIPOLAR_SHARE * max(math.hypot(one.width_px, one.height_px) for one in known)
    if entry.epipolar_px <= most_px:
        return ""
    return (
        f"the map's own matches lie {entry.epipolar_px:.2f} px (median) from where its poses and intrinsics say, "
        f"{most_px:.2f} px or less is usual: one of them does not fit, and poses from local features will be off. "
        "Calibrate the camera for these images and build again with --intrinsics FILE, or fit its intrinsics to the "
        "map with --refine-intrinsics; if that changes nothing, look at the poses and the camera's place on the robot."
    )


def index_warning(place_map: PlaceMap) -> str:
    """That the search is not the one the map was indexed for, or finds less than was asked, "" where all is well."""
    entry, fault = place_map.manifest.index, place_map.index.fault
    if fault is not None:
        return f"{fault.problem}: every descriptor is asked for each image, which takes longer. {fault.remedy}."
    if entry is None or entry.recall is None or entry.recall >= entry.wanted_recall:
        return ""
    return (
        f"the index ({entry.words}) finds less than the {100 * entry.wanted_recall:g} % that were asked for. Ask for "
        "another kind with build_map --reindex MAP --index exact, or for less with --recall."
    )
