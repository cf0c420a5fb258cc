# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the localizer takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.localization.geometric_pose import GeometricPose
from vpr_ros.localization.match_geometry import MatchGeometry
from vpr_ros.localization.place_filter.belief import Hypothesis
from vpr_ros.localization.rejection import Rejection
from vpr_ros.maps.promise import Vouched

PoseSource = Literal["geometric", "retrieved"]
"""Which way a pose came: from keypoints whose places are known, or from the poses of map frames that look alike."""


@dataclass(frozen=True)
class PosePrior:
    """Where the robot is thought to be: only map frames within the radius are searched.

    Attributes:
        T_map_base: the pose; only its position is used.
        radius_m: how far the true pose may be from it.
    """

    T_map_base: Pose
    radius_m: float


@dataclass(frozen=True)
class Match:
    """One map frame that looks like the image.

    Attributes:
        frame_index: its number in the map.
        similarity: cosine of the descriptors.
        probability: that this match is right.
        T_map_base: where the robot would be: the frame's pose, corrected for the extrinsics of the two cameras
            where both are known.
        name, camera: of the map frame.
        retrieved_rank: its place in the order of similarity, from 0.
        geometry: what the keypoints say; None where nobody looked.
    """

    frame_index: int
    similarity: float
    probability: float
    T_map_base: Pose
    name: str
    camera: str
    retrieved_rank: int = 0
    geometry: MatchGeometry | None = None

    @property
    def inliers(self) -> int:
        """How many keypoints one rigid scene explains; 0 where nobody looked."""
        return 0 if self.geometry is None else self.geometry.inliers


@dataclass(frozen=True)
class SequenceAnswer:
    """What all images so far say, and what this one says alone.

    Attributes:
        hypotheses: the likeliest places with their masses, the first one first.
        off_map: probability of not being on the map.
        by_sequence: whether the sequence judged the answer; False: the image alone.
        motion: what is known of the way since the image before, in words.
        alone_frame: the map frame that the image alone would answer with.
        alone_probability: that this one is right, by the image alone.
        alone_rejection: why the image alone would not be believed; None where it would.
    """

    hypotheses: tuple[Hypothesis, ...]
    off_map: float
    by_sequence: bool
    motion: str
    alone_frame: int
    alone_probability: float
    alone_rejection: Rejection | None


@dataclass(frozen=True, eq=False)
class Localization:
    """The answer for one image.

    Attributes:
        stamp_ns, camera: of the image.
        rejection: why the pose may not be used; it is a guess then, for reports only. None where it may.
        T_map_base: the pose; where the orientation is unknown its quaternion is the identity. None when no
            map frame could be compared.
        covariance: (6, 6) of x, y, z, roll, pitch, yaw in the map frame (fixed axes, as ROS), m^2 and rad^2,
            symmetric and positive definite; None when there is no pose.
        probability: that the best match is right.
        matches: the candidates, best first: by similarity and by what keypoints speak for them.
        timings_ms: "prepare", "infer", "search", "decide"; with local features "local" and "verify" before the last.
        orientation_known: False where the map has no orientations here; the covariance then says pi^2.
        geometric: the camera's pose that ``T_map_base`` comes from; None where that is retrieved.
        sequence: what the filter believes; None without one. ``probability`` is by all images then.
        proof: how well the answer is proved, see ``proof.proof``.
        promise: by which it was judged; None where ``min_probability`` alone decides.
    """

    stamp_ns: int
    camera: str
    rejection: Rejection | None
    T_map_base: Pose | None
    covariance: npt.NDArray[np.float64] | None
    probability: float
    matches: tuple[Match, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    orientation_known: bool = True
    geometric: GeometricPose | None = None
    sequence: SequenceAnswer | None = None
    proof: float = 0.0
    promise: Vouched | None = None

    @property
    def accepted(self) -> bool:
        """Whether the pose may be used."""
        return self.rejection is None

    @property
    def pose_source(self) -> PoseSource:
        """Which way the pose came."""
        return "retrieved" if self.geometric is None else "geometric"

    @property
    def inliers(self) -> int:
        """Keypoints that agree on a geometric pose, or those that prove the best match of a retrieved one."""
        if self.geometric is not None:
            return self.geometric.inliers
        return self.matches[0].inliers if self.matches else 0

    @property
    def was_compared(self) -> bool:
        """Whether local features were looked at."""
        return any(match.geometry is not None for match in self.matches)
