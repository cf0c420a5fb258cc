# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depth images to metres: 16-bit PNG files, raw depth and what ``compressed_depth_image_transport`` makes of it."""

from __future__ import annotations

import struct
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import DepthImage
from vpr_ros.core.image_header import MAX_IMAGE_PIXELS, check_size, read_image_header

MILLIMETRES: Final = 1000.0
"""Of 16-bit depth, per metre (REP 118)."""
_KINDS: Final = {"16uc1": "u2", "mono16": "u2", "32fc1": "f4"}
DEPTH_ENCODINGS: Final = tuple(_KINDS)
"""Of ``sensor_msgs/Image``, in small letters."""
_PNG: Final = b"\x89PNG"
_QUANTISED_HEADER: Final = struct.Struct("<iff")
"""Of ``compressedDepth``: the format, and the two numbers by which the inverse of float depth was made whole."""


def decode_depth_png(encoded: bytes, origin: str, per_m: float, *, max_pixels: int = MAX_IMAGE_PIXELS) -> DepthImage:
    """Decode a PNG of one channel with 16 bits, *per_m* of them a metre.

    Raises:
        FrameDecodeError: it is none, or too large.
    """
    return _positive(_grey16(encoded, origin, max_pixels) / np.float32(per_m))


def decode_depth_raw(
    data: bytes | bytearray | memoryview,
    height: int,
    width: int,
    encoding: str,
    step: int,
    is_bigendian: bool,
    origin: str,
    *,
    max_pixels: int = MAX_IMAGE_PIXELS,
) -> DepthImage:
    """Turn the fields of a ``sensor_msgs/Image`` into metres: 16UC1 are millimetres, 32FC1 metres.

    Raises:
        FrameDecodeError: another encoding, too large, or too few bytes.
    """
    if (kind := _KINDS.get(encoding.lower())) is None:
        raise FrameDecodeError(f"{origin} has the encoding {encoding!r}, expected depth: 16UC1 or 32FC1", _ANOTHER)
    if height <= 0 or width <= 0:
        raise FrameDecodeError(f"{origin} has the size {width}x{height}, expected at least 1x1", "Mend the publisher")
    check_size(width, height, origin, max_pixels)
    dtype = np.dtype(f"{'>' if is_bigendian else '<'}{kind}")
    needed = step * (height - 1) + width * dtype.itemsize
    if step < width * dtype.itemsize or memoryview(data).nbytes < needed:
        raise FrameDecodeError(
            f"truncated depth image: {origin} has {memoryview(data).nbytes} bytes, {width}x{height} {encoding} with "
            f"step {step} needs {needed}",
            "Check the camera driver and the transport, or leave this image out",
        )
    pixels: npt.NDArray[np.generic] = np.ndarray((height, width), dtype, data, 0, (step, dtype.itemsize))
    return _positive(pixels.astype(np.float32) / np.float32(MILLIMETRES if kind == "u2" else 1.0))


def decode_depth_compressed(
    data: bytes, image_format: str, origin: str, *, max_pixels: int = MAX_IMAGE_PIXELS
) -> DepthImage:
    """Decode a ``sensor_msgs/CompressedImage`` of depth: "16UC1; compressedDepth png", "32FC1; compressedDepth png".

    Raises:
        FrameDecodeError: another format (RVL), damaged, or too large.
    """
    at = 0 if data.startswith(_PNG) else _QUANTISED_HEADER.size
    if data[at : at + len(_PNG)] != _PNG:
        raise FrameDecodeError(
            f"{origin}: format {image_format.strip()!r} is no PNG, expected 16UC1 or 32FC1 as compressedDepth png",
            "Record the raw depth, or set the format of compressed_depth_image_transport to png",
        )
    grey = _grey16(data[at:], origin, max_pixels)
    if not image_format.lower().startswith("32fc1"):
        return _positive(grey / np.float32(MILLIMETRES))
    if at == 0:
        raise FrameDecodeError(f"{origin}: metres cannot be PNG without the header of compressedDepth", _ANOTHER)
    _, quantised_a, quantised_b = _QUANTISED_HEADER.unpack_from(data)
    with np.errstate(all="ignore"):
        metres = np.float32(quantised_a) / (grey - np.float32(quantised_b))
    return _positive(np.where(grey > 0, metres, np.float32(np.nan)))


_ANOTHER: Final = "Choose a depth topic that is registered to the camera with --depth-topic"


def _grey16(encoded: bytes, origin: str, max_pixels: int) -> npt.NDArray[np.float32]:
    header = read_image_header(encoded)
    if header is not None:
        check_size(header.width_px, header.height_px, origin, max_pixels)
    try:
        pixels = None if header is None else cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 2:
        found = "no image" if pixels is None else f"{pixels.dtype} pixels of shape {pixels.shape}"
        raise FrameDecodeError(f"{origin} holds {found}, expected depth as 16-bit grey PNG", "Leave it out or mend it")
    return pixels.astype(np.float32)


def _positive(depth_m: npt.NDArray[np.float32]) -> DepthImage:
    """NaN for what is no distance: 0 is what sensors say of what they do not see."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(depth_m) & (depth_m > 0)
    return np.where(known, depth_m, np.float32(np.nan)).astype(np.float32, copy=False)
