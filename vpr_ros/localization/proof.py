# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How well an answer is proved, as one number: what a map's promise is made about."""

from __future__ import annotations

from typing import Final

from vpr_ros.core.frames import SizePx
from vpr_ros.localization.geometric_pose import GeometricPose
from vpr_ros.localization.two_view import share_same_way_round
from vpr_ros.localization.verify import Verification

NO_POSE_FITS: Final = 1 / 4
"""What inliers are worth that have depths and fit no pose: two frames of one room share hundreds of them. A pose
that fewer than this share of them fit was seen in 27 of 357 right answers of a simulated town, and in a stranger's."""
LEAST_SAME_WAY_ROUND: Final = 0.9
"""Of large triples of inliers; many mirrored pictures of places whose sides look alike have fewer."""


def proof(verification: Verification, size_px: SizePx, unposed_worth: float, pose: GeometricPose | None) -> float:
    """The inliers of the best match: fewer where they have depths and gave no pose, none in a mirrored picture.

    Args:
        verification: of the candidates.
        size_px: of the image.
        unposed_worth: see ``Promise``.
        pose: the answer, where its keypoints give it; they count in full where a quarter of them or more fit it.
    """
    best = verification.geometry[0] if verification.geometry else None
    if best is None:
        return 0.0
    if pose is not None:
        return min(float(best.inliers), pose.inliers / NO_POSE_FITS)
    kept = share_same_way_round((best.query_px, size_px), (best.mapped_px, best.mapped_size_px))
    if kept < LEAST_SAME_WAY_ROUND:
        return 0.0
    if not verification.has_depths:
        return float(best.inliers)
    return best.inliers * (NO_POSE_FITS if verification.pose_sought else unposed_worth)
