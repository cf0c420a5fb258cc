# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What every marker of an answer is made of."""

from __future__ import annotations

import math

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.ros.messages import to_header

ACCEPTED_RGB = (0.235, 0.863, 0.353)
REJECTED_RGB = (0.941, 0.353, 0.275)
"""The ends of the one scale of colours, of the verdict and of a probability, here and in ``config/vpr.rviz``."""


def marker(
    localization: Localization, frame_id: str, namespace: str, kind: int, scale_m: tuple[float, ...], number: int = 0
) -> Marker:
    """A marker of this answer, at the origin and without a colour."""
    made = Marker(header=to_header(localization.stamp_ns, frame_id), ns=namespace, id=number, type=kind)
    made.action = Marker.ADD
    made.scale.x, made.scale.y, made.scale.z = scale_m
    made.pose.orientation.w = 1.0
    return made


def point(pose: Pose) -> Point:
    """Where *pose* is."""
    x, y, z = pose.position_m
    return Point(x=x, y=y, z=z)


def color(rgb: tuple[float, float, float], alpha: float) -> ColorRGBA:
    """Of 0..1 each."""
    r, g, b = rgb
    return ColorRGBA(r=r, g=g, b=b, a=alpha)


def probability_rgb(probability: float) -> tuple[float, float, float]:
    """Colour of a probability, 0..1 each; one that is no number is drawn as 0."""
    share = min(1.0, max(0.0, probability)) if math.isfinite(probability) else 0.0
    r, g, b = (low + share * (high - low) for low, high in zip(REJECTED_RGB, ACCEPTED_RGB, strict=True))
    return r, g, b
