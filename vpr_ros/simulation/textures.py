# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Textures painted when somebody first looks at them, in every size that is needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.conditions import Season

Rgba = npt.NDArray[np.uint8]
"""(H, W, 4) uint8: RGB and opacity, own light or hold for snow, depending on what carries it."""

MAX_LEVEL: Final = 6


class Painting(Protocol):
    """A texture before it is painted."""

    @property
    def seasonal(self) -> bool:
        """Whether it looks different from season to season."""

    def paint(self, season: Season) -> Rgba:
        """Paint it. The same answer at every call."""


@dataclass(frozen=True, eq=False)
class RipMap:
    """A texture halved along each side on its own: walls seen at a grazing angle stay sharp along the other.

    Williams, "Pyramidal parametrics", 1983, with the anisotropic extension known as rip-mapping.
    """

    base: Rgba
    _levels: dict[tuple[int, int], Rgba] = field(default_factory=dict, init=False)

    def level(self, along_u: int, along_v: int) -> Rgba:
        """Return the texture with its width halved *along_u* times and its height *along_v* times."""
        if not along_u and not along_v:
            return self.base
        key = (along_u, along_v)
        if key not in self._levels:
            source = self.level(along_u - 1, along_v) if along_u >= along_v else self.level(along_u, along_v - 1)
            height, width = source.shape[:2]
            size = (max(1, width // 2), height) if along_u >= along_v else (width, max(1, height // 2))
            self._levels[key] = cv2.resize(source, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        return self._levels[key]

    @property
    def nbytes(self) -> int:
        """What it may come to hold, roughly."""
        return int(self.base.nbytes * 1.5)


@dataclass(eq=False)
class TextureStore:
    """Paints textures on demand and forgets the ones not looked at for longest.

    Args:
        paintings: what can be asked for, by index.
        capacity_bytes: how much it may hold.
    """

    paintings: Sequence[Painting]
    capacity_bytes: int = 400 * 2**20
    _painted: OrderedDict[tuple[int, Season | None], RipMap] = field(default_factory=OrderedDict, init=False)
    _held_bytes: int = field(default=0, init=False)

    def get(self, index: int, season: Season) -> RipMap:
        """Return a texture, painting it if need be."""
        painting = self.paintings[index]
        key = (index, season if painting.seasonal else None)
        found = self._painted.get(key)
        if found is None:
            found = RipMap(painting.paint(season))
            self._painted[key] = found
            self._held_bytes += found.nbytes
            while self._held_bytes > self.capacity_bytes and len(self._painted) > 1:
                self._held_bytes -= self._painted.popitem(last=False)[1].nbytes
        else:
            self._painted.move_to_end(key)
        return found
