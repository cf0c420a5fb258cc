# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Find from how far away a map's frames show one scene: pairs at growing distances, by the keypoints it keeps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.localization.match_geometry import FEWEST_FEATURES, Verdict
from vpr_ros.localization.retrieve import candidates_at
from vpr_ros.localization.verify import Verifier
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.held_out import ANSWERS, UNHURRIED
from vpr_ros.mapping.overlap import answered
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.spacing import median_spacing_m
from vpr_ros.maps.viewing_range import RangeLevel, ViewingRange

ANCHORS: Final = 16
"""Frames, spread over the map, that are compared with one frame at each distance."""
MOST_LEVELS: Final = 12
"""So that at most 192 pairs are compared, a few milliseconds each."""
AT_ONCE: Final = 3
"""Distances at which an anchor is asked in one go, which costs less; whether farther ones tell is asked in between."""
STEP: Final = 1.6
"""From one distance to the next."""
FEWEST_PAIRS: Final = 4
"""At a distance, for a share to mean something."""
HARDLY_ANY: Final = 0.25
"""Two distances in turn with fewer proved pairs than this are beyond the viewing range, and all farther ones."""

NO_POSE: Final = math.inf
"""Whether both show one scene is asked, and not from where."""

Float = npt.NDArray[np.float64]


def viewing_range(place_map: PlaceMap) -> ViewingRange | None:
    """Compare frames of the map; None without local features, or where too few lie at any distance.

    Only frames of one session that look the same way (60 degrees) are compared: the other way round one stands at the
    same place and sees another scene. Frames that show next to nothing are left out.

    Raises:
        MapError: the map's local features cannot be read.
    """
    if place_map.local is None or not place_map.local.entry.features:
        return None
    anchors = evenly(len(place_map), ANCHORS).tolist()
    offsets_m = {anchor: _offsets_m(place_map, anchor) for anchor in anchors}
    start_m = median_spacing_m(place_map.frames) or _nearest_m(offsets_m.values())
    verifier = Verifier(None, place_map.local, place_map, UNHURRIED)
    levels: list[RangeLevel] = []
    for together in np.split(start_m * STEP ** np.arange(MOST_LEVELS), MOST_LEVELS // AT_ONCE):
        pairs: list[list[tuple[float, bool]]] = [[] for _ in together]
        compare = partial(_pairs, verifier, place_map, together)
        for level, pair in chain.from_iterable(answered(compare, offsets_m.items())):
            pairs[level].append(pair)
        levels += [RangeLevel.of(some) for some in pairs if len(some) >= FEWEST_PAIRS]
        if len(levels) > 1 and max(level.share for level in levels[-2:]) < HARDLY_ANY:
            break
    levels = [
        level for number, level in enumerate(levels) if not number or level.distance_m > levels[number - 1].distance_m
    ]
    return ViewingRange(tuple(levels)) if levels else None


def _offsets_m(place_map: PlaceMap, anchor: int) -> Float:
    """(N,) how far each frame is from the anchor; infinite for those that are not to be compared with it."""
    frames = place_map.frames
    offset_m = np.linalg.norm(frames.position_m - frames.position_m[anchor], axis=1)
    usable = (frames.session == frames.session[anchor]) & (frames.camera_index == frames.camera_index[anchor])
    return np.where(usable & (offset_m > 0.0) & _alike_turned(place_map, anchor), offset_m, np.inf)


def _nearest_m(offsets_m: Iterable[Float]) -> float:
    """Distance from an anchor to the next frame, for photos that lie in no order; 0 where there is none."""
    nearest = np.array([offset_m.min() for offset_m in offsets_m])
    return float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 0.0


def _partner(offset_m: Float, wanted_m: float) -> int | None:
    """The frame whose distance is the nearest to *wanted_m*, None where that is another level's."""
    best = int(np.argmin(np.abs(np.log(offset_m / wanted_m)))) if wanted_m > 0.0 else 0
    within = wanted_m / STEP**0.5 <= offset_m[best] <= wanted_m * STEP**0.5
    return best if within else None


def _alike_turned(place_map: PlaceMap, anchor: int) -> npt.NDArray[np.bool_]:
    """Which frames look the same way; all where nobody knows."""
    quats = place_map.frames.quat_xyzw
    cosine_of_half = np.abs(quats @ quats[anchor])
    return np.asarray(~(cosine_of_half < np.cos(ANSWERS.max_angle_rad / 2)))


def _pairs(
    verifier: Verifier, place_map: PlaceMap, wanted_m: Float, seen_from: tuple[int, Float]
) -> list[tuple[int, tuple[float, bool]]]:
    """Of each distance that has a partner: its number, how far that is, and whether keypoints prove one scene.

    Args:
        verifier, place_map: of the map.
        wanted_m: the distances.
        seen_from: the anchor, and how far each frame is from it.
    """
    if place_map.local is None:
        return []
    anchor, offset_m = seen_from
    files = place_map.local.files
    partners = {
        level: row
        for level, one_m in enumerate(wanted_m)
        if (row := _partner(offset_m, one_m)) is not None and len(files.features(row).scores) >= FEWEST_FEATURES
    }
    kept = files.features(anchor)
    if not partners or len(kept.scores) < FEWEST_FEATURES:
        return []
    camera = place_map.manifest.cameras[int(place_map.frames.camera_index[anchor])]
    features = kept.as_seen
    candidates = candidates_at(place_map, np.array([*partners.values()]), np.ones(len(partners), np.float32))
    size_px = (kept.width_px, kept.height_px)
    looked_at = verifier.verify(features, size_px, candidates, camera.intrinsics, None, NO_POSE)
    found = dict(zip(looked_at.retrieved_rank.tolist(), looked_at.geometry, strict=True))
    proved = [one is not None and one.verdict is Verdict.VERIFIED for one in map(found.get, range(len(partners)))]
    apart_m = [float(offset_m[row]) for row in partners.values()]
    return list(zip(partners, zip(apart_m, proved, strict=True), strict=True))
