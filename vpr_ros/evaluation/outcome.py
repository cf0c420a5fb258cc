# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What became of the queries, one row each: the table all figures and pictures are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.pose import FloatArray, Pose
from vpr_ros.evaluation.answer_kind import AnswerKind, answer_kinds
from vpr_ros.evaluation.panoramas import Panoramas
from vpr_ros.evaluation.pose_error import PoseErrors, pose_errors
from vpr_ros.evaluation.positives import BoolArray, IntArray, Positives
from vpr_ros.localization import Localization, Match

BEYOND = (AnswerKind.WRONG_PLACE, AnswerKind.WRONG)
SAME_IMAGE = 0.9999
"""Two pictures of one place, taken one after the other from a standing robot, are less alike than that."""


@dataclass(frozen=True, eq=False)
class QueryOutcome:
    """One query.

    Attributes:
        name: within its source.
        truth: ground truth of ``T_map_base``, or None.
        answer: what the localizer said; its image was the only thing it was given.
        decode_ms: time to load and decode the image.
        pixels: (1024,) baseline descriptor, or None where baselines are not wanted.
        thumbnail: the image, small, kept for the first wrong ones only.
    """

    name: str
    truth: Pose | None
    answer: Localization
    decode_ms: float
    pixels: npt.NDArray[np.float32] | None = None
    thumbnail: ImageRgb | None = None

    @property
    def top1_pose(self) -> Pose | None:
        """Pose of the best match, None where nothing matched."""
        return self.answer.matches[0].T_map_base if self.answer.matches else None

    @property
    def estimate(self) -> Pose | None:
        """The estimated pose, published or not; without the placeholder an unknown orientation is given."""
        pose = self.answer.T_map_base
        return pose if pose is None or self.answer.orientation_known else Pose(pose.position_m, None)

    @property
    def answer_pose(self) -> Pose | None:
        """The estimate, or the best match's pose where the localizer would not estimate."""
        return self.estimate if self.estimate is not None else self.top1_pose


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Q queries with their correct map frames.

    Attributes:
        rows: (Q,) outcomes.
        positives: of the same Q queries.
        panoramas: where a ranking counts of each panorama the best crop alone; None where every map frame counts.
    """

    rows: Sequence[QueryOutcome]
    positives: Positives
    panoramas: Panoramas | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, keep: BoolArray) -> Outcomes:
        """The queries marked in (Q,) *keep*."""
        rows = [row for row, kept in zip(self.rows, keep, strict=True) if kept]
        return Outcomes(rows, self.positives.subset(keep), self.panoramas)

    @cached_property
    def predictions(self) -> IntArray:
        """(Q, K) map indices as ranked by the localizer, -1 where it gave fewer."""
        return self._ranking([row.answer.matches for row in self.rows])

    @cached_property
    def retrieved(self) -> IntArray:
        """(Q, K) the same as ranked by similarity alone, before keypoints were compared."""
        return self._ranking([sorted(row.answer.matches, key=lambda match: match.retrieved_rank) for row in self.rows])

    @cached_property
    def right(self) -> BoolArray:
        """(Q,) whether the best match is a correct one."""
        return self.positives.correct(self.predictions[:, :1])[:, 0]

    @cached_property
    def kinds(self) -> tuple[AnswerKind, ...]:
        """(Q,) right, nearly right, or of another place: by the best match.

        One whose best match shows another place, but whose geometric pose lies in the right scene, is a near miss.
        """
        by_match, in_scene = answer_kinds(self.predictions[:, 0], self.positives), self.pose_in_scene
        return tuple(
            AnswerKind.NEAR_MISS if kind in BEYOND and seen else kind
            for kind, seen in zip(by_match, in_scene, strict=True)
        )

    @cached_property
    def pose_in_scene(self) -> tuple[bool | None, ...]:
        """(Q,) whether a geometric pose lies within twice the radius of the truth; None for any other, or unknown."""
        radius_m = self.positives.scene_radius_m
        return tuple(
            row.estimate.distance_m(row.truth) <= radius_m
            if row.answer.geometric and row.estimate and row.truth and radius_m is not None
            else None
            for row in self.rows
        )

    @cached_property
    def accepted(self) -> BoolArray:
        """(Q,) whether the localizer would publish its answer."""
        return np.array([row.answer.accepted for row in self.rows], dtype=np.bool_)

    @cached_property
    def probability(self) -> FloatArray:
        """(Q,) stated probability that the answer is right."""
        return np.array([row.answer.probability for row in self.rows], dtype=np.float64)

    @cached_property
    def similarity(self) -> FloatArray:
        """(Q,) similarity of the best match, NaN where nothing matched."""
        return np.array([row.answer.matches[0].similarity if row.answer.matches else np.nan for row in self.rows])

    @property
    def like_their_match(self) -> int:
        """How many queries are the very image that they found in the map."""
        return int(np.sum(self.similarity >= SAME_IMAGE))

    @cached_property
    def inliers(self) -> FloatArray:
        """(Q,) keypoints of the best match that one rigid scene explains, 0 where nobody looked."""
        return np.array([row.answer.matches[0].inliers if row.answer.matches else 0 for row in self.rows], np.float64)

    @cached_property
    def answer_errors(self) -> PoseErrors:
        """Errors of every query's answer, accepted or not."""
        return pose_errors([row.answer_pose for row in self.rows], self.truths)

    @cached_property
    def top1_errors(self) -> PoseErrors:
        """Errors of every query's best match."""
        return pose_errors([row.top1_pose for row in self.rows], self.truths)

    @cached_property
    def published_errors(self) -> PoseErrors:
        """Errors of the accepted estimates, NaN for the rest."""
        return pose_errors([row.estimate if row.answer.accepted else None for row in self.rows], self.truths)

    def _ranking(self, matches: Sequence[Sequence[Match]]) -> IntArray:
        width = max(map(len, matches), default=0)
        table = np.full((len(matches), max(width, 1)), -1, dtype=np.int64)
        for row, ranked in zip(table, matches, strict=True):
            row[: len(ranked)] = [match.frame_index for match in ranked]
        return table if self.panoramas is None else self.panoramas.best_crops(table)

    @property
    def truths(self) -> list[Pose | None]:
        """(Q,) true poses."""
        return [row.truth for row in self.rows]
