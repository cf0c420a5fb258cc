# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Fit what keypoints say about a map's own places: it is asked about its frames, and verifies its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from vpr_ros.core.pose import Pose
from vpr_ros.localization.decide import weighed
from vpr_ros.localization.geometric_pose import GeometricPose
from vpr_ros.localization.verify import Verification, Verifier
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.held_out import UNHURRIED, HeldOut, Question
from vpr_ros.mapping.logistic import likeliest
from vpr_ros.mapping.overlap import answered
from vpr_ros.maps.calibration import MIN_ANSWERS, Calibration
from vpr_ros.maps.geometry_calibration import WIDEST, GeometryCalibration, centred, odds
from vpr_ros.maps.local_store import LocalStore
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.spacing import median_spacing_m

Float = npt.NDArray[np.float64]

MOST_VERIFIED: Final = 60
"""Frames whose answers are verified, twice each, some 20 ms each time."""
MOST_OF_THEM: Final = 0.9
"""Of the map's own poses must be as near as this share of all is to be; a single wrong one says nothing."""
PRIOR_MEAN: Final = (1.0, 0.0, 0.0, 3.0, 1.0)
PRIOR_SIGMA: Final = (0.3, 0.0, 0.0, 1.0, 0.3)
"""Of the weights of the logit by similarity, then of the numbers of ``GeometricEvidence``. Neighbours of one drive
share more keypoints than those of two days, so that the map does not learn from their number; what it learns of the
others counts little."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What the map answered to N questions about itself, those apart on which keypoints say nothing.

    Attributes:
        alone: (N,) probability by similarity.
        evidence: (N, 4) what keypoints say of the best match, rows of ``GeometricEvidence``.
        right: (N,) whether the best match is right, in the order that keypoints give.
        nees: (P,) e^T P^-1 e of x and y of the geometric poses of right answers.
    """

    alone: Float
    evidence: Float
    right: npt.NDArray[np.bool_]
    nees: Float = field(default_factory=lambda: np.empty(0))


def geometry_calibration(
    place_map: PlaceMap,
    calibration: Calibration,
    held_out: HeldOut,
    rows: npt.NDArray[np.int64],
    queries: npt.NDArray[np.float32],
) -> GeometryCalibration:
    """Ask the map about its own frames as the robot would; the default where that says too little.

    Args:
        place_map: the map; without local features nothing is asked.
        calibration: of its similarities.
        held_out: the same map.
        rows: (M,) frames that are asked, with the keypoints that the map keeps of them.
        queries: (M, D) their descriptors in another light.

    Raises:
        MapError: the map's local features cannot be read.
    """
    if place_map.local is None:
        return GeometryCalibration()
    chosen = evenly(len(rows), MOST_VERIFIED)
    return fitted(_answers(place_map, place_map.local, calibration, held_out, rows[chosen], queries[chosen]))


def calibrated_as_it_is(place_map: PlaceMap) -> GeometryCalibration:
    """The same for a map that got its local features later: it is asked in its own light, with its own descriptors.

    Raises:
        MapError: the map's local features cannot be read.
    """
    calibration = place_map.manifest.calibration
    if calibration.kind == "default":
        return GeometryCalibration()
    rows = evenly(len(place_map), MOST_VERIFIED)
    held_out = HeldOut(place_map, median_spacing_m(place_map.frames))
    queries = place_map.descriptors[rows].astype(np.float32)
    return geometry_calibration(place_map, calibration, held_out, rows, queries)


def fitted(answers: Answers) -> GeometryCalibration:
    """Fit the probability of the right place given the same scene.

    Answers count by the probability that they show the same scene; right and wrong ones were asked for as often.
    """
    right = answers.right
    default = GeometryCalibration(
        samples_right=int(right.sum()), samples_wrong=int((~right).sum()), pose_widening=_widening(answers.nees)
    )
    if min(default.samples_right, default.samples_wrong) < MIN_ANSWERS:
        return default
    scene = default.same_scene(answers.evidence)
    usual = _usual_precision(answers.evidence[right])
    of_right, of_wrong = float(scene[right].sum()), float(scene[~right].sum())
    target = np.where(right, (of_right + 1) / (of_right + 2), 1 / (of_wrong + 2))
    share = scene * len(right) / (2 * np.where(right, right.sum(), (~right).sum()))
    free = np.flatnonzero(PRIOR_SIGMA)
    columns = np.column_stack([odds(answers.alone), centred(answers.evidence, usual)])[:, free]
    found, bias = likeliest(columns, target, share, np.array(PRIOR_MEAN)[free], np.array(PRIOR_SIGMA)[free])
    weights = np.zeros(len(PRIOR_MEAN))
    weights[free] = found
    alone, log_inliers, share_of_matches, coverage, precision = weights.tolist()
    return replace(
        default,
        kind="held_out",
        alone_weight=alone,
        place_weights=(log_inliers, share_of_matches, coverage, precision),
        place_bias=bias,
        usual_precision=usual,
    )


def _answers(
    place_map: PlaceMap,
    local: LocalStore,
    calibration: Calibration,
    held_out: HeldOut,
    rows: npt.NDArray[np.int64],
    queries: npt.NDArray[np.float32],
) -> Answers:
    verifier = Verifier(None, local, place_map, UNHURRIED)
    alone, evidence, right, nees = [], [], [], []
    for question, verification in _verified(verifier, place_map, local, held_out.questions(rows, queries)):
        if not np.isfinite(verification.evidence[0, 0]):
            continue
        alone.append(weighed(verification, calibration, None).alone[0])
        evidence.append(verification.evidence[0])
        right.append(question.is_known and held_out.is_right(question.row, verification.candidates))
        if right[-1] and verification.pose is not None and place_map.frames.has_orientation[question.row]:
            nees.append(_nees(verification.pose, place_map.frames.pose(question.row), verification.T_base_camera))
    return Answers(np.array(alone), np.array(evidence).reshape(-1, 4), np.array(right, dtype=bool), np.array(nees))


def _nees(pose: GeometricPose, T_map_base: Pose, T_base_camera: Pose | None) -> float:
    """Of x and y of the camera, by what every map states."""
    truth = T_map_base if T_base_camera is None else T_map_base.compose(T_base_camera)
    error = np.subtract(pose.T_map_camera.position_m, truth.position_m)[:2]
    return float(error @ np.linalg.solve(replace(pose, widening=1.0).stated_covariance[:2, :2], error))


def _widening(nees: Float) -> float:
    """By how much the errors of the map's own frames exceed what is stated.

    They are measured with points that these frames helped to place, so that they say nothing where they are small.
    """
    if len(nees) < MIN_ANSWERS:
        return 1.0
    expected = float(chi2.ppf(MOST_OF_THEM, 2))
    return float(np.clip(np.sqrt(np.quantile(nees, MOST_OF_THEM) / expected), 1.0, WIDEST))


def _verified(
    verifier: Verifier, place_map: PlaceMap, local: LocalStore, questions: Iterator[Question]
) -> Iterator[tuple[Question, Verification]]:
    """Those about frames in which somebody has looked for features."""

    def ask(question: Question) -> tuple[Question, Verification] | None:
        kept = local.files.features(question.row)
        if not kept.width_px:
            return None
        camera = place_map.manifest.cameras[int(place_map.frames.camera_index[question.row])]
        size_px = (kept.width_px, kept.height_px)
        return question, verifier.verify(kept.as_seen, size_px, question.found, camera.intrinsics, None)

    return (found for found in answered(ask, questions) if found is not None)


def _usual_precision(evidence: Float) -> float:
    known = evidence[np.isfinite(evidence[:, 3]), 3]
    return float(np.median(known)) if len(known) else 0.0
