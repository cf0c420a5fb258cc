# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Everything that stands in the town: textured parallelograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.labels import Label

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surfaces:
    """N parallelograms. Seen from its front, ``corner`` is top left, ``right`` its upper and ``down`` its left edge.

    Attributes:
        corner_m, right_m, down_m: (N, 3) in the map frame.
        texture: (N,) index into the town's textures.
        label: (N,) ``Label``.
        cutout: (N,) whether the texture's fourth channel is opacity; otherwise it is light of its own (windows, signs).
        two_sided: (N,) whether it is seen from behind too.
    """

    corner_m: FloatArray
    right_m: FloatArray
    down_m: FloatArray
    texture: npt.NDArray[np.int32]
    label: npt.NDArray[np.uint8]
    cutout: npt.NDArray[np.bool_]
    two_sided: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.texture)

    @property
    def normal(self) -> FloatArray:
        """(N, 3) unit vectors towards whoever sees the front."""
        normal = np.cross(self.down_m, self.right_m)
        return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12))

    @classmethod
    def joined(cls, parts: Sequence[Surfaces]) -> Surfaces:
        """Concatenate."""
        names = ("corner_m", "right_m", "down_m", "texture", "label", "cutout", "two_sided")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def placed(self, position_m: FloatArray, yaw_rad: FloatArray, texture_offset: npt.NDArray[np.int32]) -> Surfaces:
        """Repeat this model once per place.

        Args:
            position_m: (K, 3) where the model's origin goes.
            yaw_rad: (K,) how it is turned about z.
            texture_offset: (K,) added to the texture indices, so that each copy has its own paint.

        Returns:
            K * N surfaces.
        """
        cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
        turn = np.zeros((len(yaw_rad), 3, 3))
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cos, -sin, sin, cos, 1.0

        def turned(vectors: FloatArray) -> FloatArray:
            return np.asarray(np.einsum("kij,nj->kni", turn, vectors))

        copies = len(yaw_rad)
        return Surfaces(
            (turned(self.corner_m) + position_m[:, None]).reshape(-1, 3),
            turned(self.right_m).reshape(-1, 3),
            turned(self.down_m).reshape(-1, 3),
            (self.texture[None] + texture_offset[:, None]).reshape(-1).astype(np.int32),
            np.tile(self.label, copies),
            np.tile(self.cutout, copies),
            np.tile(self.two_sided, copies),
        )


@dataclass
class SurfaceList:
    """Collects surfaces one by one."""

    _corner: list[tuple[float, float, float]] = field(default_factory=list)
    _right: list[tuple[float, float, float]] = field(default_factory=list)
    _down: list[tuple[float, float, float]] = field(default_factory=list)
    _rest: list[tuple[int, int, bool, bool]] = field(default_factory=list)

    def add(
        self,
        corner_m: npt.ArrayLike,
        right_m: npt.ArrayLike,
        down_m: npt.ArrayLike,
        texture: int,
        label: Label,
        *,
        cutout: bool = False,
        two_sided: bool = False,
    ) -> None:
        """Append one parallelogram."""
        for target, vector in ((self._corner, corner_m), (self._right, right_m), (self._down, down_m)):
            x, y, z = (float(v) for v in np.asarray(vector, dtype=np.float64))
            target.append((x, y, z))
        self._rest.append((texture, int(label), cutout, two_sided))

    def add_wall(
        self,
        left_xy: npt.ArrayLike,
        right_xy: npt.ArrayLike,
        bottom_m: float,
        top_m: float,
        texture: int,
        label: Label,
        *,
        cutout: bool = False,
        two_sided: bool = False,
    ) -> None:
        """Append an upright rectangle between two points of the plan, named as its viewer sees them."""
        left, right = np.asarray(left_xy, dtype=np.float64), np.asarray(right_xy, dtype=np.float64)
        self.add(
            (left[0], left[1], top_m),
            (right[0] - left[0], right[1] - left[1], 0.0),
            (0.0, 0.0, bottom_m - top_m),
            texture,
            label,
            cutout=cutout,
            two_sided=two_sided,
        )

    def collected(self) -> Surfaces:
        """Return what was added so far."""
        texture, label, cutout, two_sided = zip(*self._rest, strict=True) if self._rest else ((), (), (), ())
        return Surfaces(
            np.array(self._corner, dtype=np.float64).reshape(-1, 3),
            np.array(self._right, dtype=np.float64).reshape(-1, 3),
            np.array(self._down, dtype=np.float64).reshape(-1, 3),
            np.array(texture, dtype=np.int32),
            np.array(label, dtype=np.uint8),
            np.array(cutout, dtype=np.bool_),
            np.array(two_sided, dtype=np.bool_),
        )
