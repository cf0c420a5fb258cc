"""What RViz draws over the map: the hypotheses, the match, the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.ros.messages import to_header, to_pose_message

ACCEPTED_RGB = (0.235, 0.863, 0.353)
REJECTED_RGB = (0.941, 0.353, 0.275)
"""The ends of the one scale of colours, of the verdict and of a probability, here and in ``config/vpr.rviz``."""


def to_markers(localization: Localization, frame_id: str, scale_m: float) -> MarkerArray:
    """Draw one answer: spheres for the belief, a label and an arrow (a ball without a heading) for the match.

    Args:
        localization: the answer.
        frame_id: the map frame.
        scale_m: length of the arrow, metres.
    """
    rgb = ACCEPTED_RGB if localization.accepted else REJECTED_RGB
    belief = _marker(localization, frame_id, "belief", Marker.SPHERE_LIST, (0.4 * scale_m,) * 3)
    for match in localization.matches:
        belief.points.append(_point(match.T_map_base))
        belief.colors.append(_color(probability_rgb(match.probability), 0.8))
    markers = [belief] if belief.points else []  # RViz takes an empty list for an error
    shown = localization.T_map_base or (localization.matches[0].T_map_base if localization.matches else None)
    if shown is not None:
        if localization.orientation_known and shown.has_orientation:
            arrow = _marker(localization, frame_id, "match", Marker.ARROW, (scale_m, 0.3 * scale_m, 0.3 * scale_m))
        else:
            arrow = _marker(localization, frame_id, "match", Marker.SPHERE, (0.6 * scale_m,) * 3)
        arrow.pose, arrow.color = to_pose_message(shown), _color(rgb, 1.0)
        label = _marker(localization, frame_id, "label", Marker.TEXT_VIEW_FACING, (0.0, 0.0, 0.6 * scale_m))
        label.text, label.color = answer_text(localization), _color(rgb, 1.0)
        label.pose.position = _beside(shown, scale_m, 0.6 * scale_m * 0.3 * len(label.text))
        markers += [arrow, label]
    return MarkerArray(markers=[*_cleared(localization, frame_id), *markers])


def answer_text(localization: Localization) -> str:
    """The answer in a few words: why it is unknown is too long to stand in a map, and stands in the match image."""
    probability = f"p = {localization.probability:.2f}"
    return probability if localization.accepted else f"unknown, {probability}"


def probability_rgb(probability: float) -> tuple[float, float, float]:
    """Colour of a probability, 0..1 each; one that is no number is drawn as 0."""
    share = min(1.0, max(0.0, probability)) if math.isfinite(probability) else 0.0
    r, g, b = (low + share * (high - low) for low, high in zip(REJECTED_RGB, ACCEPTED_RGB, strict=True))
    return r, g, b


def _beside(pose: Pose, arrow_m: float, half_width_m: float) -> Point:
    """Where words stand clear of the arrow and of the path it lies on, seen from above with north up: to its right."""
    ahead = pose.rotation.apply((1.0, 0.0, 0.0)) if pose.has_orientation else (1.0, 0.0, 0.0)
    yaw_rad = math.atan2(ahead[1], ahead[0])
    right_x, right_y = math.sin(yaw_rad), -math.cos(yaw_rad)
    clear_m = 0.7 * arrow_m + half_width_m * abs(right_x)
    x, y, z = pose.position_m
    return Point(x=x + clear_m * right_x, y=y + clear_m * right_y, z=z + 0.5 * arrow_m)


def _cleared(localization: Localization, frame_id: str) -> Sequence[Marker]:
    clear = _marker(localization, frame_id, "", Marker.SPHERE, (0.0, 0.0, 0.0))
    clear.action = Marker.DELETEALL
    return (clear,)


def _marker(localization: Localization, frame_id: str, namespace: str, kind: int, scale_m: tuple[float, ...]) -> Marker:
    marker = Marker(header=to_header(localization.stamp_ns, frame_id), ns=namespace, id=0, type=kind)
    marker.action = Marker.ADD
    marker.scale.x, marker.scale.y, marker.scale.z = scale_m
    marker.pose.orientation.w = 1.0
    return marker


def _point(pose: Pose) -> Point:
    x, y, z = pose.position_m
    return Point(x=x, y=y, z=z)


def _color(rgb: tuple[float, float, float], alpha: float) -> ColorRGBA:
    r, g, b = rgb
    return ColorRGBA(r=r, g=g, b=b, a=alpha)
