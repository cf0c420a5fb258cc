# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depths of keypoints, read from depth images that are registered to the camera's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import DepthImage

REACH_PX: Final = 2
"""How far from the keypoint a depth may lie, and how far around it is looked for an edge."""
LARGEST_STEP: Final = 0.05
"""Of the depth, between the nearest and the farthest thing around a keypoint: more is the edge of something, and nobody
knows on which side the keypoint is. A wall seen at 80 degrees has less."""

MOST_TOLD: Final = 10
MOST_OF_A_FRAME: Final = 50
FEWEST_COMPARED: Final = 100
LARGEST_RATIO: Final = 1.2
"""Between what depth images say and what the frames themselves say, in the middle of all keypoints that have both."""

FloatArray = npt.NDArray[np.float64]

_LOG = logging.getLogger(__name__)


class DepthImages:
    """Reads them; what is wrong with all of them is said once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._failures = 0
        self._lock = Lock()

    def depths_m(
        self, load_depth_m: Callable[[], DepthImage], keypoints_px: npt.ArrayLike, width_px: int, height_px: int
    ) -> FloatArray | None:
        """(M, 2) keypoints of an image of this size -> (M,) depths, NaN where unknown; None where there is no image."""
        try:
            depth_m = load_depth_m()
        except FrameDecodeError as error:
            self._say_some(f"depth not used: {error}")
            return None
        height, width = depth_m.shape
        if width * height_px != height * width_px:
            self._say_once(
                f"depth images of {width}x{height} px are not used for images of {width_px}x{height_px} px: they have "
                "another shape, so they are not registered to the camera"
            )
            return None
        return depths_at(depth_m, keypoints_px, width_px, height_px)

    def _say_some(self, sentence: str) -> None:
        with self._lock:
            self._failures += 1
            told = self._failures
        if told <= MOST_TOLD:
            _LOG.warning("%s%s", sentence, "" if told < MOST_TOLD else " (the others like it are not told)")

    def _say_once(self, sentence: str) -> None:
        with self._lock:
            known = sentence in self._said
            self._said.add(sentence)
        if not known:
            _LOG.warning("warning: %s", sentence)


def depths_at(depth_m: DepthImage, keypoints_px: npt.ArrayLike, width_px: int, height_px: int) -> FloatArray:
    """Read the depth of each keypoint: the nearest one that is known, within two pixels of the depth image.

    Args:
        depth_m: (H, W), NaN where unknown.
        keypoints_px: (M, 2) in an image of the same shape.
        width_px, height_px: of that image.

    Returns:
        (M,) metres along the optical axis; NaN where the sensor saw less than half of what is around (the shadow of an
        edge), or the depths around are those of two things.
    """
    height, width = depth_m.shape
    at = (np.asarray(keypoints_px, dtype=np.float64).reshape(-1, 2) + 0.5) * (
        width / width_px,
        height / height_px,
    ) - 0.5
    steps = np.arange(-REACH_PX, REACH_PX + 1)
    right, down = (offsets.ravel() for offsets in np.meshgrid(steps, steps))
    column = np.rint(at[:, 0]).astype(np.int64)[:, None] + right
    row = np.rint(at[:, 1]).astype(np.int64)[:, None] + down
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    around_m = np.where(inside, depth_m[row.clip(0, height - 1), column.clip(0, width - 1)], np.nan).astype(np.float64)
    known = np.isfinite(around_m)
    distance = np.where(known, np.hypot(column - at[:, :1], row - at[:, 1:]), np.inf)
    nearest = distance.argmin(axis=1)
    found_m = around_m[np.arange(len(at)), nearest]
    low = np.where(known, around_m, np.inf).min(axis=1)
    high = np.where(known, around_m, -np.inf).max(axis=1)
    seen = 2 * known.sum(axis=1) > inside.sum(axis=1)
    return np.where(seen & (high <= low * (1.0 + LARGEST_STEP)), found_m, np.nan)


class DepthRatios:
    """Compares depths that images gave with those that follow from the map's own frames and poses."""

    def __init__(self) -> None:
        self._ratios: list[FloatArray] = []

    def take(self, measured_m: npt.NDArray[np.floating[Any]], triangulated_m: FloatArray) -> None:
        """(M,) both ways, of one frame."""
        ratios = measured_m.astype(np.float64) / triangulated_m
        self._ratios.append(ratios[np.isfinite(ratios)][:MOST_OF_A_FRAME])

    def warning(self) -> str:
        """What is to be said of them, "" where they agree or are too few."""
        ratios = np.concatenate(self._ratios) if self._ratios else np.empty(0)
        if len(ratios) < FEWEST_COMPARED or 1 / LARGEST_RATIO <= (ratio := float(np.median(ratios))) <= LARGEST_RATIO:
            return ""
        return (
            f"depth images say {ratio:.2f} times as far as the frames and their poses do: their unit, the scale of the "
            "poses or the intrinsics is another. --no-depth-images does without them"
        )
