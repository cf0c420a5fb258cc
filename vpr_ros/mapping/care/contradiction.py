# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether two maps that should be in one frame are: places that both show must lie at one place in both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.core.evidence import EVIDENCE_TOP_K, match_evidence
from vpr_ros.core.pose import Pose
from vpr_ros.localization.match_geometry import Verdict
from vpr_ros.localization.retrieve import candidates_at
from vpr_ros.localization.verify import Verifier
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.held_out import UNHURRIED
from vpr_ros.maps.place_map import PlaceMap

MOST_ASKED: Final = 200
FEWEST_PAIRS: Final = 5
MORE_LIKELY_RIGHT: Final = 0.5
SHARE_THAT_AGREES: Final = 0.5
"""Of the pairs, that must agree on where the other map lies."""


@dataclass(frozen=True)
class Overlap:
    """What two maps show both.

    Attributes:
        pairs: how many pairs of frames show one place, each the other's best match.
        verified: whether keypoints proved them, or similarity alone speaks for them.
        apart_m: median distance between the poses that the two maps give such a pair.
        turned_rad: median angle; NaN where orientations are unknown.
    """

    pairs: int
    verified: bool
    apart_m: float
    turned_rad: float


def check_overlap(
    base: PlaceMap, other: PlaceMap, poses: list[Pose], radius_m: float, *, trust_poses: bool = False
) -> Overlap | None:
    """Compare where both maps put what both show; None where too little is.

    Frames that only look alike lie apart in all directions. Those of one place in two maps of different frames lie
    apart by one transform: then the maps contradict each other.

    Args:
        base: one map.
        other: the other.
        poses: of the frames of *other* in the frame of *base*.
        radius_m: frames nearer than this are one place.
        trust_poses: somebody knows that what both show are two places that look alike.

    Raises:
        MapError: most of what both show lies apart by one transform.
    """
    proved = base.local is not None and other.local is not None and base.local.sha256 == other.local.sha256
    found = [pair for pair in _mutual(base, other) if not proved or _agree(base, other, *pair)]
    if len(found) < FEWEST_PAIRS:
        return None
    poses_here, poses_there = [base.pose(here) for here, _ in found], [poses[there] for _, there in found]
    apart_m = np.array([one.distance_m(two) for one, two in zip(poses_here, poses_there, strict=True)])
    turned = [
        one.angle_rad(two)
        for one, two in zip(poses_here, poses_there, strict=True)
        if one.has_orientation and two.has_orientation
    ]
    overlap = Overlap(len(found), proved, float(np.median(apart_m)), float(np.median(turned)) if turned else math.nan)
    agree = (apart_m <= radius_m).mean() >= SHARE_THAT_AGREES
    if not agree and not trust_poses and _moved_as_one(poses_here, poses_there, radius_m):
        raise MapError(
            f"maps {base.path} and {other.path} contradict each other: {overlap_text(overlap)}, more than one place's "
            f"{radius_m:.2f} m",
            "They are in different frames, whatever these are called: build one of them again with poses in the frame "
            "of the other. Where two places look alike and the poses are right, add --trust-poses",
        )
    return overlap


def overlap_text(overlap: Overlap) -> str:
    """In one line."""
    how = "proved by keypoints" if overlap.verified else "by similarity"
    turned = "" if math.isnan(overlap.turned_rad) else f" and {math.degrees(overlap.turned_rad):.1f} degrees"
    return f"{overlap.pairs} places that both show ({how}) lie {overlap.apart_m:.2f} m{turned} apart (median)"


def _mutual(base: PlaceMap, other: PlaceMap) -> Iterator[tuple[int, int]]:
    """Frames of both maps that are each other's best match, and more likely right than wrong by both."""
    rows = evenly(len(other), MOST_ASKED)
    best, is_likely = _best(base, other, rows)
    again, is_likely_too = _best(other, base, best)
    near_m = other.manifest.calibration.radius_m / 2
    for row, here, back, sure in zip(
        rows.tolist(), best.tolist(), again.tolist(), is_likely & is_likely_too, strict=True
    ):
        if sure and other.pose(back).distance_m(other.pose(row)) <= near_m:
            yield here, row


def _best(
    base: PlaceMap, other: PlaceMap, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """What *base* answers to frames of *other*: the best match of each, and whether it is likely right."""
    calibration, position_m = base.manifest.calibration, base.frames.position_m
    found = base.search(other.descriptors[rows].astype(np.float32), EVIDENCE_TOP_K)
    evidence = [
        match_evidence(similarities.astype(np.float64), position_m[indices], calibration.radius_m)[0]
        for indices, similarities in zip(found.indices, found.similarities, strict=True)
    ]
    return found.indices[:, 0], calibration.probability(np.array(evidence)) >= MORE_LIKELY_RIGHT


def _agree(base: PlaceMap, other: PlaceMap, here: int, there: int) -> bool:
    """Whether the keypoints of both frames show one scene."""
    if base.local is None or other.local is None:
        raise AssertionError("maps without local features have none to compare")
    kept = other.local.files.features(there)
    candidates = candidates_at(base, np.array([here]), np.ones(1, np.float32))
    verifier = Verifier(None, base.local, base, UNHURRIED)
    found = verifier.verify(kept.as_seen, (kept.width_px, kept.height_px), candidates, None, None).geometry[0]
    return found is not None and found.verdict is Verdict.VERIFIED


def _moved_as_one(here: list[Pose], there: list[Pose], radius_m: float) -> bool:
    """Whether one rigid motion puts most of the poses *there* at those *here*."""
    position_here = np.array([pose.position_m for pose in here])
    position_there = np.array([pose.position_m for pose in there])
    most = 0
    for one, two in zip(here, there, strict=True):
        moved = position_there + np.subtract(one.position_m, two.position_m)
        if one.has_orientation and two.has_orientation:
            T_here_there = one.compose(two.inverse())
            moved = T_here_there.rotation.apply(position_there) + T_here_there.position_m
        most = max(most, int((np.linalg.norm(moved - position_here, axis=1) <= radius_m).sum()))
    return most >= max(FEWEST_PAIRS, SHARE_THAT_AGREES * len(here))
