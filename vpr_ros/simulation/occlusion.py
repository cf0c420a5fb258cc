# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which boxes of a picture are wholly covered: many at once, without touching their pixels."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

_TILE_PX: Final = 8


class NearestCover:
    """Smallest inverse depth over any box, from a sparse table over tiles (Bender, Farach-Colton, "The LCA problem
    revisited", 2000, in two dimensions). Boxes are widened to whole tiles: the answer is never too large.

    Args:
        inverse_depth: (H, W) 1/m.
    """  # noqa: D205

    def __init__(self, inverse_depth: npt.NDArray[np.float32]) -> None:
        height, width = inverse_depth.shape
        padded = np.pad(inverse_depth, ((0, -height % _TILE_PX), (0, -width % _TILE_PX)), mode="edge")
        rows, columns = padded.shape[0] // _TILE_PX, padded.shape[1] // _TILE_PX
        tiles = padded.reshape(rows, _TILE_PX, columns, _TILE_PX).min(axis=(1, 3))
        down, across = rows.bit_length(), columns.bit_length()
        self._table = np.full((down, across, rows, columns), -np.inf, dtype=np.float32)
        self._table[0, 0] = tiles
        for i in range(down):
            if i:
                half, last = 2 ** (i - 1), rows - 2**i + 1
                above = self._table[i - 1, 0]
                self._table[i, 0, :last] = np.minimum(above[:last], above[half : half + last])
            for j in range(1, across):
                half, last = 2 ** (j - 1), columns - 2**j + 1
                left = self._table[i, j - 1]
                self._table[i, j, :, :last] = np.minimum(left[:, :last], left[:, half : half + last])

    def smallest(self, boxes_px: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Bound the smallest inverse depth within each box (K, 4: left, top, right, bottom) from below: (K,)."""
        left, top = boxes_px[:, 0] // _TILE_PX, boxes_px[:, 1] // _TILE_PX
        right, bottom = (boxes_px[:, 2] - 1) // _TILE_PX + 1, (boxes_px[:, 3] - 1) // _TILE_PX + 1
        i = np.log2(bottom - top).astype(np.int64)
        j = np.log2(right - left).astype(np.int64)
        low, far = bottom - 2**i, right - 2**j
        corners = [self._table[i, j, y, x] for y in (top, low) for x in (left, far)]
        return np.asarray(np.minimum.reduce(corners))
