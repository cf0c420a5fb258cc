# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one image decoder, cross-checked with rosbags-image where that one is right."""

from __future__ import annotations

import array
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from rosbags.image import image_to_cvimage

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.image_codec import RAW_ENCODINGS, decode_compressed, decode_raw

Bytes = npt.NDArray[np.uint8]
PIXEL_BYTES = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono16": 2, "yuv422": 2, "uyvy": 2}
PIXEL_BYTES |= {"yuv422_yuy2": 2, "yuyv": 2}


def random_rows(encoding: str, height: int = 6, width: int = 8) -> Bytes:
    rng = np.random.default_rng(sum(encoding.encode()))
    return rng.integers(0, 256, (height, width * PIXEL_BYTES.get(encoding, 1)), dtype=np.uint8)


def by_rosbags_image(rows: Bytes, encoding: str, height: int = 6, width: int = 8) -> Bytes:
    message: Any = SimpleNamespace(
        height=height, width=width, encoding=encoding, is_bigendian=0, data=np.ascontiguousarray(rows).reshape(-1)
    )
    return np.asarray(image_to_cvimage(message, "rgb8"))


@pytest.mark.parametrize("encoding", RAW_ENCODINGS)
def test_each_encoding_agrees_with_rosbags_image(encoding: str) -> None:
    rows = random_rows(encoding)
    decoded = decode_raw(rows.tobytes(), 6, 8, encoding, rows.shape[1])
    expected = by_rosbags_image(rows, encoding)
    if encoding == "mono16":  # rosbags-image truncates and answers with one channel, this decoder rounds
        expected = expected[..., None] if expected.ndim == 2 else expected
        assert np.abs(decoded.astype(int) - expected.astype(int)).max() <= 1
    else:
        np.testing.assert_array_equal(decoded, expected)
    assert decoded.shape == (6, 8, 3)
    assert decoded.dtype == np.uint8


@pytest.mark.parametrize("encoding", RAW_ENCODINGS)
@pytest.mark.parametrize("padding", [1, 5])
def test_padded_rows_decode_as_unpadded_ones(encoding: str, padding: int) -> None:
    rows = random_rows(encoding)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=99).tobytes()
    expected = decode_raw(rows.tobytes(), 6, 8, encoding, rows.shape[1])
    step = rows.shape[1] + padding
    np.testing.assert_array_equal(decode_raw(padded, 6, 8, encoding, step), expected)
    without_last_padding = padded[:-padding]
    np.testing.assert_array_equal(decode_raw(without_last_padding, 6, 8, encoding, step), expected)


@pytest.mark.parametrize("padding", [0, 2, 3])
def test_big_endian_grey(padding: int) -> None:
    grey = np.array([[0, 257, 65535], [128 * 257, 300, 40000]], dtype=np.uint16)
    rows = np.pad(grey.astype(">u2").view(np.uint8), ((0, 0), (0, padding)))
    decoded = decode_raw(rows.tobytes(), 2, 3, "mono16", 6 + padding, is_bigendian=True)
    np.testing.assert_array_equal(decoded[..., 0], np.round(grey / 257))
    np.testing.assert_array_equal(decoded[..., 0], decoded[..., 2])


def test_bayer_patterns_are_named_as_ros_names_them() -> None:
    """A red scene lights only the red pixels: first pixel for rggb, last of the 2x2 cell for bggr."""
    for encoding, (row, column) in {"rggb": (0, 0), "bggr": (1, 1), "gbrg": (1, 0), "grbg": (0, 1)}.items():
        mosaic = np.zeros((8, 8), dtype=np.uint8)
        mosaic[row::2, column::2] = 200
        middle = decode_raw(mosaic, 8, 8, f"bayer_{encoding}8", 8)[3:5, 3:5].reshape(-1, 3).max(axis=0)
        assert middle[0] > 150, encoding
        assert middle[1:].max() == 0, encoding


def test_rgb_is_a_view_and_every_buffer_is_taken() -> None:
    rows = random_rows("rgb8")
    decoded = decode_raw(rows, 6, 8, "rgb8", 24)
    assert np.shares_memory(decoded, rows)
    for buffer in (rows.tobytes(), memoryview(rows.tobytes()), array.array("B", rows.tobytes()), rows.reshape(-1)):
        np.testing.assert_array_equal(decode_raw(buffer, 6, 8, "rgb8", 24), decoded)


@pytest.mark.parametrize(
    ("size", "height", "width", "encoding", "step", "message"),
    [
        (72, 4, 6, "rgb9", 18, "unknown image encoding 'rgb9'"),
        (71, 4, 6, "rgb8", 18, "71 bytes found.*needs 72"),
        (0, 4, 6, "mono8", 6, "truncated image"),
        (72, 4, 6, "rgb8", 17, "step 17, its rows need at least 18"),
        (72, 4, 6, "rgb8", 0, "step 0"),
        (72, 0, 6, "rgb8", 18, "size 6x0"),
        (72, 4, 0, "rgb8", 0, "size 0x4"),
        (72, 4, 5, "yuv422", 10, "width must be even"),
    ],
)
def test_wrong_raw_images_are_named(size: int, height: int, width: int, encoding: str, step: int, message: str) -> None:
    with pytest.raises(FrameDecodeError, match=message):
        decode_raw(bytes(size), height, width, encoding, step)


def smooth_image(dtype: type = np.uint8) -> Bytes:
    ramp = np.linspace(0, np.iinfo(dtype).max, 64 * 48).reshape(48, 64)
    return np.stack([ramp, ramp[::-1], ramp.T.reshape(48, 64)], axis=-1).astype(dtype)


def encoded(extension: str, image_rgb: npt.NDArray[Any]) -> bytes:
    pixels = image_rgb[..., ::-1] if image_rgb.ndim == 3 else image_rgb
    return cv2.imencode(extension, np.ascontiguousarray(pixels))[1].tobytes()


def test_png_is_exact_and_jpeg_is_close() -> None:
    image = smooth_image()
    np.testing.assert_array_equal(decode_compressed(encoded(".png", image), "a.png"), image)
    decoded = decode_compressed(encoded(".jpg", image[:, :, :1].repeat(3, axis=2)), "a.jpg")
    assert np.abs(decoded.astype(int) - image[:, :, :1]).max() < 8


def test_channel_order_of_image_transport() -> None:
    image = np.full((8, 8, 3), (200, 100, 0), dtype=np.uint8)
    usual = decode_compressed(encoded(".png", image), "topic", "rgb8; png compressed bgr8")
    swapped = decode_compressed(encoded(".png", image), "topic", "rgb8; png compressed rgb8")
    assert usual[0, 0].tolist() == [200, 100, 0]
    assert swapped[0, 0].tolist() == [0, 100, 200]


def test_sixteen_bit_and_grey_png() -> None:
    deep = smooth_image(np.uint16)
    np.testing.assert_array_equal(decode_compressed(encoded(".png", deep), "deep.png"), np.round(deep / 257))
    np.testing.assert_array_equal(
        decode_compressed(encoded(".png", deep[..., 0]), "grey.png")[..., 1], np.round(deep[..., 0] / 257)
    )


@pytest.mark.parametrize("extension", [".jpg", ".png"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_truncated_files_are_refused(extension: str, kept: float) -> None:
    data = encoded(extension, random_rows("rgb8", 64, 64).reshape(64, 64, 3))
    with pytest.raises(FrameDecodeError, match="lap/1"):
        decode_compressed(data[: int(len(data) * kept)], "lap/1")


def test_end_mark_of_an_embedded_thumbnail_does_not_count() -> None:
    data = encoded(".jpg", smooth_image())
    thumbnail = encoded(".jpg", smooth_image()[:8, :8])
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = data[:2] + segment + data[2:]
    assert decode_compressed(whole, "a.jpg").shape == (48, 64, 3)
    with pytest.raises(FrameDecodeError, match="truncated"):
        decode_compressed(whole[:-40], "a.jpg")


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b"no image at all", "6e 6f 20 69"), (b"\x89PNG\r\n\x1a\n....IEND", "does not decode")],
)
def test_what_is_no_image_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(FrameDecodeError, match=message):
        decode_compressed(data, "b.jpg", "jpeg")
