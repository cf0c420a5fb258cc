# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map can promise, counted: answers to a drive of known places, and to its own frames, all of them wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.core.frames import SizePx
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.estimate import PoseEstimate, best_estimate
from vpr_ros.localization.proof import proof
from vpr_ros.localization.retrieve import candidates_at, retrieve
from vpr_ros.localization.verify import Verification, Verifier
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.held_out import UNHURRIED
from vpr_ros.mapping.overlap import answered
from vpr_ros.mapping.second_look import MirroredFrame
from vpr_ros.mapping.usable_frames import Progress, told
from vpr_ros.maps.local_store import LocalStore
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.promise import FEWEST_ASKED, PAIRS, STRICT_RATE, Promise
from vpr_ros.maps.search import all_similarities, best_rows
from vpr_ros.maps.tally import LEVELS, Tally

Float = npt.NDArray[np.float64]

WRONG_PLACE_RADII: Final = 2.0
"""An answer farther away than so many place radii is in a wrong place; from one on it is a near miss."""
STRICTEST: Final = STRICT_RATE / PAIRS
MOST_LEFT_OUT: Final = 200
"""Frames that are asked about, some 25 ms each."""
MIN_CANDIDATES: Final = 5


def own_promise(
    place_map: PlaceMap,
    mirrored: Callable[[], Iterable[MirroredFrame]] = tuple,
    progress: Progress | None = None,
) -> Promise:
    """Ask a map about its own frames so that every answer is wrong: which of its places look alike, and how much.

    How many right answers another day keeps, it cannot tell from its own: an augmented copy is not another light.

    Args:
        place_map: calibrated but for this; without local features nothing is asked.
        mirrored: gives its frames the wrong way round, which are another place; none: it is not asked about those.
        progress: is told of the frames that are asked about.

    Raises:
        MapError: the map's local features cannot be read.
        ModelError: a network failed.
    """
    if place_map.local is None or len(place_map) < FEWEST_ASKED:
        return Promise()
    verifier = Verifier(None, place_map.local, place_map, UNHURRIED)
    asked = np.array(list(_left_out(verifier, place_map, place_map.local, progress))).reshape(-1, 2)
    of_mirrored = list(answered(lambda frame: _of_mirrored(verifier, place_map, frame), mirrored()))
    posed, unposed = (_all_wrong(proofs) for proofs in asked.T)
    worth = min(1.0, max(posed.reached_by(STRICTEST), LEVELS[0]) / max(unposed.reached_by(STRICTEST), LEVELS[0]))
    return Promise(posed, _all_wrong(np.array(of_mirrored)), worth)


def _all_wrong(proofs: Float) -> Tally:
    return Tally.of(proofs, np.ones(len(proofs), dtype=np.bool_))


def _left_out(
    verifier: Verifier, place_map: PlaceMap, local: LocalStore, progress: Progress | None
) -> Iterator[tuple[float, float]]:
    """How well each answer is proved while its whole place is left out, and how well by its inliers alone.

    The first is 0 where the pose finds the place even so.
    """
    rows = evenly(len(place_map), MOST_LEFT_OUT)
    descriptors = place_map.descriptors[rows].astype(np.float32)

    def ask(question: tuple[int, npt.NDArray[np.float32]]) -> tuple[float, float] | None:
        return _place_left_out(verifier, place_map, local, *question)

    questions = zip(rows.tolist(), all_similarities(place_map.descriptors, descriptors), strict=True)
    for worth in told(answered(ask, questions), len(rows), progress):
        if worth is not None:
            yield worth


def _place_left_out(
    verifier: Verifier, place_map: PlaceMap, local: LocalStore, row: int, cosines: npt.NDArray[np.float32]
) -> tuple[float, float] | None:
    """The same of frame *row*, with its (N,) similarities to all; None: too little is left, or nobody looked at it."""
    frames, radius_m = place_map.frames, place_map.manifest.calibration.radius_m
    offset_m = np.linalg.norm(frames.position_m - frames.position_m[row], axis=1)
    left_in = np.flatnonzero(offset_m > radius_m)
    kept = local.files.features(row)
    # Of a frame that nobody has looked at, that it proves nothing says nothing of its place.
    if len(left_in) < MIN_CANDIDATES or not kept.width_px:
        return None
    found = left_in[best_rows(cosines[left_in], EVIDENCE_TOP_K)]
    size_px, camera = (kept.width_px, kept.height_px), int(frames.camera_index[row])
    retrieved = candidates_at(place_map, found, cosines[found])
    answer, worth, alone = _asked(verifier, place_map, kept.as_seen, size_px, retrieved, camera)
    error_m = np.linalg.norm(np.array(answer.T_map_base.position_m) - frames.position_m[row])
    is_found = answer.geometric is not None and error_m <= WRONG_PLACE_RADII * radius_m
    return 0.0 if is_found else worth, alone


def _of_mirrored(verifier: Verifier, place_map: PlaceMap, frame: MirroredFrame) -> float:
    """How well the answer to a mirrored frame is proved."""
    retrieved = retrieve(place_map, frame.descriptor, EVIDENCE_TOP_K, None, None)
    return _asked(verifier, place_map, frame.features, frame.size_px, retrieved, 0)[1]


def _asked(
    verifier: Verifier,
    place_map: PlaceMap,
    features: LocalFeatures,
    size_px: SizePx,
    retrieved: Candidates,
    camera: int,
) -> tuple[PoseEstimate, float, float]:
    """The estimate, how well it is proved, and how well it would be had its keypoints no depth."""
    intrinsics = place_map.manifest.cameras[camera].intrinsics
    # Fewer inliers are no proof, whether a pose fits them or not: see ``Tally``.
    verification: Verification = verifier.verify(features, size_px, retrieved, intrinsics, None, LEVELS[0])
    estimate = best_estimate(verification, UNHURRIED, place_map.manifest.calibration)
    worth = proof(verification, size_px, 1.0, estimate.geometric)
    return estimate, worth, proof(replace(verification, has_depths=False), size_px, 1.0, None)
