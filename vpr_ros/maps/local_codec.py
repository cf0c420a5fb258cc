# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features as a map keeps them: a fixed number of bytes for each frame, whatever was found there.

A descriptor's direction is what counts: each number is kept as one of 2^bits levels, evenly spread from minus to plus
the largest of its row, none of them zero. What is read is scaled to unit length, so no scale is kept.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.local_features import LocalFeatures

PACKABLE_BITS: Final = (1, 2, 4, 8)
STEPS: Final = 1 << 16
"""A keypoint is kept as a share of the image's width and height in so many steps: to 0.005 px in 640."""
LARGEST_SIZE_PX: Final = 1 << 20
LOCAL_FILES: Final = ("sizes.npy", "keypoints.npy", "descriptors.npy", "scores.npy", "depth_m.npy")
SIZES, KEYPOINTS, DESCRIPTORS, SCORES, DEPTH = LOCAL_FILES
_SIZE_BYTES: Final = 12
_KEYPOINT_BYTES: Final = 4 + 2 + 2

Arrays = Mapping[str, npt.NDArray[Any]]
"""By file name: ``sizes`` (3,) uint32 (count, width, height), ``keypoints`` (M, 2) uint16, ``descriptors`` (M, P)
uint8, ``scores`` (M,) float16 and, once the map is complete, ``depth_m`` (M,) float16."""


@dataclass(frozen=True)
class LocalLayout:
    """How much is kept of each frame.

    Attributes:
        keypoints: M, how many at most.
        dim: C of a descriptor.
        bits: of each of its numbers.
    """

    keypoints: int
    dim: int
    bits: int

    @classmethod
    def within(cls, most_bytes: int, keypoints: int, dim: int, bits: int) -> LocalLayout:
        """The layout for the best of *keypoints* that fit into *most_bytes* per frame.

        Raises:
            ConfigError: not one fits.
        """
        one = _KEYPOINT_BYTES + _packed_bytes(dim, bits)
        if (fitting := (most_bytes - _SIZE_BYTES) // one) < 1:
            raise ConfigError(
                f"found {most_bytes} bytes for the local features of a frame, one of {dim} numbers of {bits} bits "
                f"takes {_SIZE_BYTES + one}",
                "Give more with --local-bytes",
            )
        return cls(min(keypoints, fitting), dim, bits)

    @property
    def bytes_per_frame(self) -> int:
        """On disk."""
        return _SIZE_BYTES + self.keypoints * (_KEYPOINT_BYTES + _packed_bytes(self.dim, self.bits))

    @property
    def rows(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """File name -> shape and dtype of the row of one frame; the depths come last."""
        M = self.keypoints
        return {
            SIZES: ((3,), "<u4"),
            KEYPOINTS: ((M, 2), "<u2"),
            DESCRIPTORS: ((M, _packed_bytes(self.dim, self.bits)), "|u1"),
            SCORES: ((M,), "<f2"),
            DEPTH: ((M,), "<f2"),
        }


def encode(
    layout: LocalLayout,
    features: LocalFeatures,
    width_px: int,
    height_px: int,
    depth_m: npt.NDArray[np.float64] | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """The best features of one image as ``Arrays``; *depth_m* (M,) where their depths are known, NaN where not."""
    rows = encode_nothing(layout)
    count = min(len(features), layout.keypoints)
    rows[SIZES][:] = count, width_px, height_px
    share = (features.keypoints_px[:count].astype(np.float64) + 0.5) / (width_px, height_px)
    rows[KEYPOINTS][:count] = np.clip(np.floor(share * STEPS), 0, STEPS - 1)
    rows[DESCRIPTORS][:count] = pack(features.descriptors[:count], layout.bits)
    rows[SCORES][:count] = np.minimum(features.scores[:count], np.finfo(np.float16).max)
    if depth_m is not None:
        rows[DEPTH][:count] = storable_depths(depth_m[:count])
    return rows


def encode_nothing(layout: LocalLayout) -> dict[str, npt.NDArray[Any]]:
    """The rows of a frame that nobody has looked at: its size is 0 x 0."""
    rows = {name: np.zeros(shape, dtype) for name, (shape, dtype) in layout.rows.items()}
    rows[DEPTH][:] = np.nan
    return rows


def storable_depths(depth_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float16]:
    """What half precision can hold; NaN for the others."""
    with np.errstate(over="ignore", invalid="ignore"):
        stored = depth_m.astype(np.float16)
        return np.where((stored > 0) & np.isfinite(stored), stored, np.float16(np.nan))


def decode_keypoints(steps: npt.NDArray[np.uint16], width_px: int, height_px: int) -> npt.NDArray[np.float32]:
    """(M, 2) steps -> (M, 2) pixels."""
    share = (steps.astype(np.float64) + 0.5) / STEPS
    return (share * (width_px, height_px) - 0.5).astype(np.float32)


def pack(descriptors: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.uint8]:
    """(M, C) rows that are finite and not zero -> (M, P) bytes, the first number in the highest bits."""
    M, dim = descriptors.shape
    most = (1 << bits) - 1
    scaled = descriptors / np.abs(descriptors).max(axis=1, keepdims=True, initial=1e-30)
    levels = np.clip(np.round((scaled + 1.0) * (most / 2.0)), 0, most).astype(np.uint8)
    per_byte = 8 // bits
    padded = np.zeros((M, _packed_bytes(dim, bits) * per_byte), np.uint8)
    padded[:, :dim] = levels
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    parts = padded.reshape(M, _packed_bytes(dim, bits), per_byte) << shifts
    return np.asarray(np.bitwise_or.reduce(parts, axis=2), dtype=np.uint8)


def unpack(packed: npt.NDArray[np.uint8], dim: int, bits: int) -> npt.NDArray[np.float32]:
    """(M, P) bytes -> (M, C) float32, rows of unit length; whatever the bytes are."""
    rows = _level_table(bits)[packed].reshape(len(packed), packed.shape[1] * (8 // bits))[:, :dim]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _packed_bytes(dim: int, bits: int) -> int:
    return -(-dim * bits // 8)


@functools.cache
def _level_table(bits: int) -> npt.NDArray[np.float32]:
    """(256, 8 / bits) the numbers that a byte holds: odd ones, so that no row is zero."""
    shifts = np.arange(8 - bits, -1, -bits)
    levels = (np.arange(256)[:, None] >> shifts) & ((1 << bits) - 1)
    return (2 * levels - ((1 << bits) - 1)).astype(np.float32)
