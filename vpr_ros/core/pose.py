# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Rigid transforms ``T_target_source`` and the angles between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

FloatArray = npt.NDArray[np.float64]

LONGEST_QUATERNION = 1e100
"""Squares of longer ones overflow."""

PositionM = tuple[float, float, float]
"""x, y, z in metres."""

IDENTITY_QUAT_XYZW = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Pose:
    """``T_target_source``: maps coordinates in *source* to coordinates in *target*.

    Attributes:
        position_m: x, y, z of the source's origin in the target frame.
        quat_xyzw: unit quaternion, or None where only the position is known (GPS, UTM file names).
    """

    position_m: tuple[float, float, float]
    quat_xyzw: tuple[float, float, float, float] | None = IDENTITY_QUAT_XYZW

    @classmethod
    def from_rotation(cls, position_m: npt.ArrayLike, rotation: Rotation) -> Pose:
        """Build from a (3,) position and a scipy rotation."""
        x, y, z = (float(v) for v in np.asarray(position_m, dtype=np.float64))
        qx, qy, qz, qw = (float(v) for v in rotation.as_quat())
        return cls((x, y, z), (qx, qy, qz, qw))

    @classmethod
    def from_xy_yaw(cls, x_m: float, y_m: float, yaw_rad: float, z_m: float = 0.0) -> Pose:
        """Build a planar pose."""
        return cls.from_rotation((x_m, y_m, z_m), Rotation.from_euler("z", yaw_rad))

    @cached_property
    def rotation(self) -> Rotation:
        """The rotation as scipy knows it, made once: that costs as much as computing with it.

        Raises:
            ValueError: the orientation is unknown; ask ``has_orientation`` first.
        """
        if self.quat_xyzw is None:
            raise ValueError("the orientation of this pose is unknown")
        return Rotation.from_quat(self.quat_xyzw)

    @property
    def has_orientation(self) -> bool:
        """Whether the orientation is known."""
        return self.quat_xyzw is not None

    @property
    def is_finite(self) -> bool:
        """Whether every number is finite and the quaternion, if any, has a length that can be divided by."""
        return all(map(math.isfinite, self.position_m)) and (
            self.quat_xyzw is None or 1e-6 < math.hypot(*self.quat_xyzw) < LONGEST_QUATERNION
        )

    def seen_from(self, origin_m: PositionM | None) -> Pose:
        """The same pose in a frame whose zero lies at *origin_m* of this one and whose axes are the same."""
        if origin_m is None:
            return self
        x, y, z = (value - zero for value, zero in zip(self.position_m, origin_m, strict=True))
        return Pose((x, y, z), self.quat_xyzw)

    def compose(self, other: Pose) -> Pose:
        """``T_a_b.compose(T_b_c) = T_a_c``. Needs both orientations."""
        position_m = np.array(self.position_m) + self.rotation.apply(np.array(other.position_m))
        return Pose.from_rotation(position_m, self.rotation * other.rotation)

    def inverse(self) -> Pose:
        """``T_a_b.inverse() = T_b_a``. Needs the orientation."""
        inverse = self.rotation.inv()
        return Pose.from_rotation(-inverse.apply(np.array(self.position_m)), inverse)

    def between(self, other: Pose) -> Pose:
        """``T_a_b.between(T_a_c) = T_b_c``. Needs both orientations."""
        inverse = self.rotation.inv()
        shift_m = np.subtract(other.position_m, self.position_m)
        return Pose.from_rotation(inverse.apply(shift_m), inverse * other.rotation)

    def distance_m(self, other: Pose) -> float:
        """Euclidean distance between the two origins."""
        return float(np.linalg.norm(np.subtract(self.position_m, other.position_m)))

    def angle_rad(self, other: Pose) -> float:
        """Angle of the rotation from one to the other, in [0, pi]. Needs both orientations."""
        return float((self.rotation.inv() * other.rotation).magnitude())
