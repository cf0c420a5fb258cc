# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What RViz draws over the map: the hypotheses, the match, the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geometry_msgs.msg import Point
from visualization_msgs.msg import Marker, MarkerArray

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.ros.localizer.marker_parts import ACCEPTED_RGB, REJECTED_RGB, color, marker, point, probability_rgb
from vpr_ros.ros.localizer.operator_markers import operator_markers
from vpr_ros.ros.messages import to_pose_message


def to_markers(localization: Localization, frame_id: str, scale_m: float) -> MarkerArray:
    """Draw one answer: spheres for the belief, a label and an arrow (a ball without a heading) for the match.

    Beside them what ``operator_markers`` draws.

    Args:
        localization: the answer.
        frame_id: the map frame.
        scale_m: length of the arrow, metres.
    """
    rgb = ACCEPTED_RGB if localization.accepted else REJECTED_RGB
    belief = marker(localization, frame_id, "belief", Marker.SPHERE_LIST, (0.4 * scale_m,) * 3)
    for match in localization.matches:
        belief.points.append(point(match.T_map_base))
        belief.colors.append(color(probability_rgb(match.probability), 0.8))
    markers = [belief] if belief.points else []  # RViz takes an empty list for an error
    shown = localization.T_map_base or (localization.matches[0].T_map_base if localization.matches else None)
    if shown is not None:
        if localization.orientation_known and shown.has_orientation:
            arrow = marker(localization, frame_id, "match", Marker.ARROW, (scale_m, 0.3 * scale_m, 0.3 * scale_m))
        else:
            arrow = marker(localization, frame_id, "match", Marker.SPHERE, (0.6 * scale_m,) * 3)
        arrow.pose, arrow.color = to_pose_message(shown), color(rgb, 1.0)
        label = marker(localization, frame_id, "label", Marker.TEXT_VIEW_FACING, (0.0, 0.0, 0.6 * scale_m))
        label.text, label.color = answer_text(localization), color(rgb, 1.0)
        label.pose.position = _beside(shown, scale_m, 0.6 * scale_m * 0.3 * len(label.text))
        markers += [arrow, label]
    markers += operator_markers(localization, frame_id, scale_m)
    return MarkerArray(markers=[*_cleared(localization, frame_id), *markers])


def answer_text(localization: Localization) -> str:
    """The answer in a few words: why it is unknown is too long to stand in a map, and stands in the match image."""
    probability = f"p = {localization.probability:.2f}"
    return probability if localization.accepted else f"unknown, {probability}"


def _beside(pose: Pose, arrow_m: float, half_width_m: float) -> Point:
    """Where words stand clear of the arrow and of the path it lies on, seen from above with north up: to its right."""
    ahead = pose.rotation.apply((1.0, 0.0, 0.0)) if pose.has_orientation else (1.0, 0.0, 0.0)
    yaw_rad = math.atan2(ahead[1], ahead[0])
    right_x, right_y = math.sin(yaw_rad), -math.cos(yaw_rad)
    clear_m = 0.7 * arrow_m + half_width_m * abs(right_x)
    x, y, z = pose.position_m
    return Point(x=x + clear_m * right_x, y=y + clear_m * right_y, z=z + 0.5 * arrow_m)


def _cleared(localization: Localization, frame_id: str) -> Sequence[Marker]:
    clear = marker(localization, frame_id, "", Marker.SPHERE, (0.0, 0.0, 0.0))
    clear.action = Marker.DELETEALL
    return (clear,)
