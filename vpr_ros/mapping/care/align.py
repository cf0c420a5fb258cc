# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``T_grid_map`` by least squares from pairs of poses: positions count in metres, headings as a metre a radian.

The rotation that fits best follows from one matrix of all positions and orientations (Kabsch 1976; Umeyama, TPAMI 1991,
without scale), in the plane from one angle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.care.pose_pairs import PosePair

Float = npt.NDArray[np.float64]
FEWEST_PAIRS: Final = 2
MOST_RESIDUAL_M: Final = 0.5
M_PER_RAD: Final = 1.0
MOST_TURNED_RAD: Final = math.radians(15.0)


@dataclass(frozen=True, eq=False)
class Alignment:
    """What fits best.

    Attributes:
        T_grid_map: the transform.
        apart_m: (n,) what is left between the positions of each pair.
        turned_rad: (n,) and between their orientations; NaN where unknown.
        is_planar: whether all pairs were given in the plane: height and tilt are then taken for the same.
    """

    T_grid_map: Pose
    apart_m: Float
    turned_rad: Float
    is_planar: bool

    @property
    def residual_m(self) -> float:
        """Root of the mean square of what is left."""
        return float(np.sqrt(np.mean(self.apart_m**2)))


def aligned(pairs: Sequence[PosePair], most_residual_m: float = MOST_RESIDUAL_M) -> Alignment:
    """Fit the transform.

    Args:
        pairs: two or more; all in the plane, or none.
        most_residual_m: what may be left between the positions of a pair.

    Raises:
        ConfigError: too few pairs, of two kinds, too near each other to say a direction, or that contradict each other.
    """
    if len(pairs) < FEWEST_PAIRS:
        raise ConfigError(f"found {len(pairs)} pairs of poses, two or more are needed", "Give more pairs")
    if len({pair.is_planar for pair in pairs}) > 1:
        raise ConfigError("some pairs lie in the plane, some in space", "Give all as x y yaw, or all with a quaternion")
    planar = pairs[0].is_planar
    _check_spread(pairs, most_residual_m)
    found = _fitted(pairs, _planar_rotation(pairs) if planar else _rotation(pairs, most_residual_m))
    worst = int(found.apart_m.argmax())
    turned = np.nan_to_num(found.turned_rad, nan=0.0)
    if found.apart_m[worst] > most_residual_m or turned.max() > MOST_TURNED_RAD:
        worst = worst if found.apart_m[worst] > most_residual_m else int(turned.argmax())
        raise ConfigError(
            f"the pairs contradict each other: pair {worst + 1} is off by {found.apart_m[worst]:.2f} m and "
            f"{math.degrees(turned[worst]):.0f} degrees after the best fit, at most {most_residual_m:g} m and "
            f"{math.degrees(MOST_TURNED_RAD):.0f} degrees are allowed{_why(pairs, most_residual_m)}",
            "Correct that pair, or leave it out; --max-residual allows more",
        )
    return found


def _check_spread(pairs: Sequence[PosePair], most_residual_m: float) -> None:
    """Refuse positions that are nearer together than what may be wrong with them: they say no direction."""
    for name in ("in_grid", "in_map"):
        position_m = np.array([getattr(pair, name).position_m for pair in pairs])
        widest_m = float(np.linalg.norm(position_m[:, None] - position_m[None], axis=2).max())
        if widest_m < 2 * most_residual_m:
            raise ConfigError(
                f"the pairs lie within {widest_m:.2f} m {name.replace('_', ' the ')}, less than twice the "
                f"{most_residual_m:g} m that may be left of one: they say no direction",
                "Give pairs that are farther apart, or for a small map a smaller --max-residual",
            )


def _planar_rotation(pairs: Sequence[PosePair]) -> Rotation:
    grid_m, map_m = _centred(pairs)
    sine = float((map_m[:, 0] * grid_m[:, 1] - map_m[:, 1] * grid_m[:, 0]).sum())
    cosine = float((map_m[:, 0] * grid_m[:, 0] + map_m[:, 1] * grid_m[:, 1]).sum())
    for pair in _with_orientation(pairs):
        yaw_rad = (pair.in_grid.rotation * pair.in_map.rotation.inv()).as_rotvec()[2]
        sine += M_PER_RAD**2 * math.sin(yaw_rad)
        cosine += M_PER_RAD**2 * math.cos(yaw_rad)
    return Rotation.from_euler("z", math.atan2(sine, cosine))


def _rotation(pairs: Sequence[PosePair], most_residual_m: float) -> Rotation:
    grid_m, map_m = _centred(pairs)
    together = grid_m.T @ map_m
    for pair in _with_orientation(pairs):
        together += M_PER_RAD**2 * (pair.in_grid.rotation * pair.in_map.rotation.inv()).as_matrix()
    left, strength, right = np.linalg.svd(together)
    if strength[1] < most_residual_m**2:
        raise ConfigError(
            "the pairs lie on one line and their orientations disagree, so that the turn about it is unknown",
            "Give pairs that do not lie on one line",
        )
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return Rotation.from_matrix(left @ flip @ right)


def _fitted(pairs: Sequence[PosePair], rotation: Rotation) -> Alignment:
    grid_m, map_m = _positions(pairs)
    offset_m = grid_m.mean(axis=0) - rotation.apply(map_m.mean(axis=0))
    left = rotation.apply(map_m) + offset_m - grid_m
    turned = [
        (rotation * pair.in_map.rotation * pair.in_grid.rotation.inv()).magnitude() if _knows(pair) else math.nan
        for pair in pairs
    ]
    pose = Pose.from_rotation(offset_m, rotation)
    return Alignment(pose, np.linalg.norm(left, axis=1), np.array(turned, dtype=np.float64), pairs[0].is_planar)


def _why(pairs: Sequence[PosePair], most_residual_m: float) -> str:
    """What else would fit: the mistakes that are made most with pictures of grids."""
    grid_m, map_m = (positions[:, :2] for positions in _positions(pairs))
    one, two = (
        points[:, 0] + 1j * points[:, 1] for points in (grid_m - grid_m.mean(axis=0), map_m - map_m.mean(axis=0))
    )
    power = float((np.abs(two) ** 2).sum())
    if len(pairs) < 3 or not power:
        return ""
    for mirror, told in ((two, ""), (two.conj(), "mirrored (y counted downwards?)")):
        scale = complex((one * mirror.conj()).sum() / power)
        off = np.abs(one - scale * mirror).max()
        is_scaled = abs(abs(scale) - 1.0) > 0.05
        if off <= most_residual_m * max(abs(scale), 1.0) and (told or is_scaled):
            scaled = f"{' and ' if told else ''}scaled by {abs(scale):.3g} (pixels?)" if is_scaled else ""
            return f"; {told}{scaled} they would fit"
    return ""


def _positions(pairs: Sequence[PosePair]) -> tuple[Float, Float]:
    return (
        np.array([pair.in_grid.position_m for pair in pairs]),
        np.array([pair.in_map.position_m for pair in pairs]),
    )


def _centred(pairs: Sequence[PosePair]) -> tuple[Float, Float]:
    grid_m, map_m = _positions(pairs)
    return grid_m - grid_m.mean(axis=0), map_m - map_m.mean(axis=0)


def _knows(pair: PosePair) -> bool:
    return pair.in_grid.has_orientation and pair.in_map.has_orientation


def _with_orientation(pairs: Sequence[PosePair]) -> list[PosePair]:
    return [pair for pair in pairs if _knows(pair)]
