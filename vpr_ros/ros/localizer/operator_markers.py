# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What an operator reads beside the robot in RViz: how probable, why not, how surely, and what else it may be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation
from visualization_msgs.msg import Marker

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.localization.sentences import rejection_words
from vpr_ros.ros.localizer.marker_parts import ACCEPTED_RGB, REJECTED_RGB, color, marker, point, probability_rgb
from vpr_ros.ros.messages import to_pose_message

WITHIN_95: Final = 5.991
"""The squared distance of x and y, in their own deviations, below which 95 % lie."""
SMALLEST_SHARE: Final = 0.1
"""Of the largest sphere: what is improbable is still to be seen."""
MOST_PLACES: Final = 50
"""However many frames are retrieved: each place more costs RViz a sphere, and a comparison with all others here."""
FLAT: Final = 0.02
GREY: Final = (0.5, 0.5, 0.5)


def operator_markers(localization: Localization, frame_id: str, scale_m: float) -> Iterator[Marker]:
    """``probability`` (a bar), ``reason``, ``covariance`` (the 95 % ellipse) and ``hypotheses`` (a sphere a place).

    Args:
        localization: the answer.
        frame_id: the map frame.
        scale_m: length of the arrow that stands for the robot, metres.
    """
    for number, (pose, probability) in enumerate(hypotheses(localization, scale_m)):
        share = SMALLEST_SHARE + (1.0 - SMALLEST_SHARE) * _share(probability)
        sphere = marker(localization, frame_id, "hypotheses", Marker.SPHERE, (0.8 * share * scale_m,) * 3, number)
        sphere.pose.position, sphere.color = point(pose), color(probability_rgb(probability), 0.6)
        yield sphere
    shown = localization.T_map_base or (localization.matches[0].T_map_base if localization.matches else None)
    if shown is None:
        return
    yield from _bar(localization, frame_id, scale_m, shown)
    if localization.rejection is not None:
        reason = marker(localization, frame_id, "reason", Marker.TEXT_VIEW_FACING, (0.0, 0.0, 0.4 * scale_m))
        reason.text, reason.color = rejection_words(localization.rejection), color(REJECTED_RGB, 1.0)
        reason.pose.position = point(_above(shown, 1.8 * scale_m))
        yield reason
    if localization.T_map_base is not None and localization.covariance is not None:
        yield _ellipse(localization, frame_id, scale_m, localization.T_map_base)


def hypotheses(localization: Localization, apart_m: float) -> Sequence[tuple[Pose, float]]:
    """Where the robot may be, each place once and with its probability, the likeliest first; ``MOST_PLACES`` at most.

    What the filter believes by all images so far where there is one, else the places of this image's matches.

    Args:
        localization: the answer.
        apart_m: places nearer than this to a likelier one are not told apart.
    """
    if localization.sequence is not None:
        return [(known.T_map_base, known.mass) for known in localization.sequence.hypotheses]
    places: list[tuple[Pose, float]] = []
    for match in sorted(localization.matches, key=lambda match: -_share(match.probability)):
        if len(places) == MOST_PLACES:
            break
        if all(match.T_map_base.distance_m(pose) >= apart_m for pose, _ in places):
            places.append((match.T_map_base, match.probability))
    return places


def _bar(localization: Localization, frame_id: str, scale_m: float, shown: Pose) -> Iterator[Marker]:
    """North of the robot, from west to east: grey in full, over it as much of the colour as is probable."""
    length_m, share = 2.0 * scale_m, _share(localization.probability)
    rgb = ACCEPTED_RGB if localization.accepted else REJECTED_RGB
    parts = ((0, length_m, GREY, 0.4), (1, length_m * share, rgb, 1.0))
    for number, part_m, part_rgb, alpha in parts:
        if part_m <= 0.0:
            continue
        size = (part_m, 0.25 * scale_m, (FLAT + 0.01 * number) * scale_m)
        bar = marker(localization, frame_id, "probability", Marker.CUBE, size, number)
        middle = _above(shown, 1.3 * scale_m)
        x, y, z = middle.position_m
        bar.pose.position = point(Pose((x + (part_m - length_m) / 2, y, z)))
        bar.color = color(part_rgb, alpha)
        yield bar


def _ellipse(localization: Localization, frame_id: str, scale_m: float, pose: Pose) -> Marker:
    variances, axes = np.linalg.eigh(np.asarray(localization.covariance)[:2, :2])
    across_m, along_m = (2.0 * np.sqrt(WITHIN_95 * np.maximum(variances, 0.0))).tolist()
    size = (max(along_m, 1e-3), max(across_m, 1e-3), FLAT * scale_m)
    ellipse = marker(localization, frame_id, "covariance", Marker.CYLINDER, size)
    turn = Rotation.from_euler("z", math.atan2(axes[1, 1], axes[0, 1]))
    ellipse.pose = to_pose_message(Pose.from_rotation(pose.position_m, turn))
    ellipse.color = color(ACCEPTED_RGB if localization.accepted else REJECTED_RGB, 0.25)
    return ellipse


def _above(pose: Pose, north_m: float) -> Pose:
    x, y, z = pose.position_m
    return Pose((x, y + north_m, z))


def _share(probability: float) -> float:
    return min(1.0, max(0.0, probability)) if math.isfinite(probability) else 0.0
