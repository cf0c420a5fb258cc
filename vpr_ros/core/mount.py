# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where a camera can sit on a robot."""

from __future__ import annotations

import math
from typing import Final

from vpr_ros.core.pose import Pose

LARGEST_MOUNT_M: Final = 300.0
"""No robot is longer: what is further away is given in another frame, or damaged."""
_UNIT_TOLERANCE: Final = 1e-3


def mount_problem(T_base_camera: Pose) -> str | None:
    """What makes a mount impossible; None for one that may be."""
    if not T_base_camera.is_finite:
        return "is not finite"
    if (offset_m := math.hypot(*T_base_camera.position_m)) > LARGEST_MOUNT_M:
        return f"is {offset_m:.4g} m from the base, expected {LARGEST_MOUNT_M:g} m at most"
    length = math.hypot(*(T_base_camera.quat_xyzw or (1.0,)))
    if abs(length - 1.0) > _UNIT_TOLERANCE:
        return f"has a quaternion of length {length:.4g}, expected 1"
    return None
