"""What the localizer takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.localization.rejection import Rejection


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
    """

    frame_index: int
    similarity: float
    probability: float
    T_map_base: Pose
    name: str
    camera: str


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
        matches: the candidates, best first.
        timings_ms: "prepare", "infer", "search", "decide".
        orientation_known: False where the map has no orientations here; the covariance then says pi^2.
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

    @property
    def accepted(self) -> bool:
        """Whether the pose may be used."""
        return self.rejection is None
