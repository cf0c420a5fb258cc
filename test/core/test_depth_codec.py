# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depth as cameras and ``compressed_depth_image_transport`` write it, in metres; what is none is refused."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from vpr_ros.core.depth_codec import decode_depth_compressed, decode_depth_png, decode_depth_raw
from vpr_ros.core.errors import FrameDecodeError

MM = np.array([[0, 1500, 65535], [1, 2, 3]], np.uint16)
METRES = np.array([[np.nan, 1.5, 65.535], [0.001, 0.002, 0.003]])


def png(pixels: np.ndarray) -> bytes:  # type: ignore[type-arg]
    encoded, content = cv2.imencode(".png", pixels)
    assert encoded
    return content.tobytes()


@pytest.mark.parametrize("big", [False, True])
def test_raw_millimetres_and_metres(big: bool) -> None:
    order = ">" if big else "<"
    padded = np.zeros((2, 5), f"{order}u2")
    padded[:, :3] = MM
    found = decode_depth_raw(padded.tobytes(), 2, 3, "16UC1", 10, big, "/depth")
    np.testing.assert_allclose(found, METRES, rtol=1e-6)
    assert found.dtype == np.float32
    floats = np.array([[np.nan, -1.0, np.inf], [0.0, 2.5, 4.0]], f"{order}f4")
    found = decode_depth_raw(floats.tobytes(), 2, 3, "32FC1", 12, big, "/depth")
    np.testing.assert_array_equal(found, [[np.nan] * 3, [np.nan, 2.5, 4.0]])


def test_png_with_and_without_the_header_of_the_transport() -> None:
    header = struct.pack("<iff", 0, 0.0, 0.0)
    for data, kind in ((png(MM), "16UC1; png compressed "), (header + png(MM), "16UC1; compressedDepth png")):
        np.testing.assert_allclose(decode_depth_compressed(data, kind, "/depth"), METRES, rtol=1e-6)
    np.testing.assert_allclose(decode_depth_png(png(MM), "a.png", 5000.0), METRES / 5.0, rtol=1e-6)


def test_metres_are_kept_as_their_inverse() -> None:
    quantised_a, quantised_b = 100.0 * 101.0, 1.0 - 101.0  # depth 10 m at most, as the transport chooses them
    metres = np.array([[0.5, 1.0], [4.0, 9.0]])
    stored = np.round(quantised_a / metres + quantised_b).astype(np.uint16)
    stored[0, 0] = 0
    data = struct.pack("<iff", 0, quantised_a, quantised_b) + png(stored)
    found = decode_depth_compressed(data, "32FC1; compressedDepth png", "/depth")
    np.testing.assert_allclose(found, [[np.nan, 1.0], [4.0, 9.0]], rtol=1e-3)


def test_what_is_no_depth_is_refused() -> None:
    with pytest.raises(FrameDecodeError, match="encoding 'rgb8', expected depth"):
        decode_depth_raw(b"", 1, 1, "rgb8", 3, False, "/depth")
    with pytest.raises(FrameDecodeError, match="truncated depth image: /depth has 4 bytes"):
        decode_depth_raw(bytes(4), 2, 3, "16UC1", 6, False, "/depth")
    with pytest.raises(FrameDecodeError, match="0x1"):
        decode_depth_raw(b"", 1, 0, "16UC1", 0, False, "/depth")
    with pytest.raises(FrameDecodeError, match="pixels"):
        decode_depth_raw(bytes(12), 2, 3, "16UC1", 6, False, "/depth", max_pixels=5)
    for data, kind in ((bytes(40), "16UC1; compressedDepth rvl"), (b"", ""), (png(MM)[:40], "16UC1; png")):
        with pytest.raises(FrameDecodeError, match="/depth"):
            decode_depth_compressed(data, kind, "/depth")
    with pytest.raises(FrameDecodeError, match="without the header"):
        decode_depth_compressed(png(MM), "32FC1; png compressed", "/depth")
    with pytest.raises(FrameDecodeError, match="uint8 pixels of shape"):
        decode_depth_png(png(np.zeros((4, 4, 3), np.uint8)), "a.png", 5000.0)
