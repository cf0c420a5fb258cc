"""The answer of ``~/localize``."""

from __future__ import annotations

import math

from std_srvs.srv import Trigger

from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.localization import Localization
from vpr_ros.ros.error_log import sentence


def to_trigger_response(response: Trigger.Response, outcome: object, map_frame: str) -> Trigger.Response:
    """Fill *response*: success means an accepted pose, the message says which, or why there is none.

    Args:
        response: to be filled.
        outcome: a ``Localization``, the exception that came instead, or None from a node that let go of its map.
        map_frame: frame of the pose.
    """
    if isinstance(outcome, Localization):
        response.success = outcome.accepted
        response.message = _describe(outcome, map_frame)
    elif isinstance(outcome, BaseException):
        response.success, response.message = False, sentence(outcome)
    else:
        response.success, response.message = False, "the node stopped before there was an answer. Activate it again."
    return response


def _describe(localization: Localization, map_frame: str) -> str:
    if not localization.accepted or localization.T_map_base is None:
        return f"unknown: {localization.reason}"
    pose = localization.T_map_base
    x, y, z = pose.position_m
    text = f"x {x:.3f} y {y:.3f} z {z:.3f} m"
    if localization.orientation_known:
        forward = pose.rotation.apply((1.0, 0.0, 0.0))
        text += f", yaw {math.degrees(math.atan2(forward[1], forward[0])):.1f} deg"
    stamp_s = localization.stamp_ns / NS_PER_S
    return f"{text} in {map_frame}, probability {localization.probability:.2f}, image of {stamp_s:.3f} s"
