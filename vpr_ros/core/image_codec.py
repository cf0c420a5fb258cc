# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one decoder of camera images: bags, image folders and the node all call it. It knows no message type."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_header import LARGEST_SAMPLE_BITS, MAX_IMAGE_PIXELS, check_size, read_image_header
from vpr_ros.core.jpeg_structure import JpegStructure, is_short, may_be_short, read_structure

if TYPE_CHECKING:
    from array import array

    ImageBytes = bytes | bytearray | memoryview[int] | array[int] | npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Layout:
    """How one pixel lies in memory, and OpenCV's name for the way from there to RGB (None: it is RGB)."""

    channels: int
    to_rgb: int | None
    bytes_per_channel: int = 1
    even_width: bool = False


# OpenCV names a Bayer pattern by the second and third pixel of the second row, ROS by the first two rows.
_LAYOUTS: Final = {
    "rgb8": _Layout(3, None),
    "bgr8": _Layout(3, cv2.COLOR_BGR2RGB),
    "rgba8": _Layout(4, cv2.COLOR_RGBA2RGB),
    "bgra8": _Layout(4, cv2.COLOR_BGRA2RGB),
    "mono8": _Layout(1, cv2.COLOR_GRAY2RGB),
    "mono16": _Layout(1, cv2.COLOR_GRAY2RGB, bytes_per_channel=2),
    "bayer_rggb8": _Layout(1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": _Layout(1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": _Layout(1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": _Layout(1, cv2.COLOR_BayerGB2RGB),
    "yuv422": _Layout(2, cv2.COLOR_YUV2RGB_UYVY, even_width=True),
    "uyvy": _Layout(2, cv2.COLOR_YUV2RGB_UYVY, even_width=True),
    "yuv422_yuy2": _Layout(2, cv2.COLOR_YUV2RGB_YUY2, even_width=True),
    "yuyv": _Layout(2, cv2.COLOR_YUV2RGB_YUY2, even_width=True),
}

_HEADER_BYTES: Final = 1 << 18
"""Enough for the header of a JPEG with a thumbnail and a colour profile before it."""

RAW_ENCODINGS: Final = tuple(_LAYOUTS)
"""Every ``sensor_msgs/Image`` encoding ``decode_raw`` knows."""


def decode_raw(
    data: ImageBytes,
    height: int,
    width: int,
    encoding: str,
    step: int,
    is_bigendian: bool = False,
    *,
    max_pixels: int = MAX_IMAGE_PIXELS,
) -> ImageRgb:
    """Turn the fields of a ``sensor_msgs/Image`` into RGB.

    ``rgb8`` comes back as a view of *data*, without a copy: it is valid as long as the buffer is not
    written to, and not contiguous when rows are padded.

    Args:
        data: the pixels, rows of *step* bytes; the last row may end with its last pixel.
        height, width: in pixels.
        encoding: one of ``RAW_ENCODINGS``.
        step: bytes from one row to the next, at least the bytes of one row.
        is_bigendian: byte order of 16-bit pixels.
        max_pixels: a larger image is refused.

    Returns:
        (height, width, 3) uint8. 16-bit grey is scaled by 1/257, so that 65535 becomes 255.

    Raises:
        FrameDecodeError: unknown encoding, zero size or too large, step too small, too few bytes, or no pixels at all
            but an encoded image.
    """
    layout = _layout(encoding, height, width)
    check_size(width, height, "the image", max_pixels)
    _refuse_encoded(data, height, width, encoding, step)
    pixel_bytes = layout.channels * layout.bytes_per_channel
    row_bytes = width * pixel_bytes
    if step < row_bytes:
        raise FrameDecodeError(
            f"image {width}x{height} {encoding} has step {step}, its rows need at least {row_bytes} bytes",
            "Mend the publisher: step is the full length of a row in bytes",
        )
    needed = step * (height - 1) + row_bytes
    found = memoryview(data).nbytes  # type: ignore[arg-type]  # arrays say that they are buffers from 3.12 on
    if found < needed:
        raise FrameDecodeError(
            f"truncated image: {found} bytes found, {width}x{height} {encoding} with step {step} needs {needed}",
            "Check the camera driver and the transport, or leave this image out",
        )
    if height == 1:
        step = row_bytes  # nothing follows the only row, whatever its publisher wrote
    if layout.bytes_per_channel == 2:
        return _grey16(data, height, width, step, is_bigendian)
    shape = (height, width) if layout.channels == 1 else (height, width, layout.channels)
    pixels: ImageRgb = np.ndarray(shape, np.uint8, data, 0, (step, pixel_bytes, 1)[: len(shape)])
    return pixels if layout.to_rgb is None else _converted(pixels, layout.to_rgb, encoding)


def decode_compressed(
    data: ImageBytes, origin: str, image_format: str = "", *, max_pixels: int = MAX_IMAGE_PIXELS
) -> ImageRgb:
    """Decode a compressed image file: JPEG, PNG, WebP, TIFF, BMP, PNM, and GIF where OpenCV reads it.

    Args:
        data: the bytes of the file.
        origin: file or topic it came from, for the message of an error.
        image_format: ``format`` of a ``sensor_msgs/CompressedImage``. "compressed rgb" says that red and blue were
            exchanged before encoding. "bayer_rggb8; jpeg compressed " and its like say that the file holds the
            mosaic of a Bayer camera, which image_transport compresses as if it were grey. Depth and video are
            refused, see ``is_picture_format``.
        max_pixels: an image whose header says that it is larger is refused before it is decoded.

    Returns:
        (H, W, 3) uint8. 16-bit images are scaled by 1/257; an EXIF orientation is applied.

    Raises:
        FrameDecodeError: empty, too large, truncated or not an image.
    """
    _check_picture_format(image_format, origin)
    encoded = bytes(data)
    _check_header(encoded, origin, image_format, max_pixels)
    structure = _checked_structure(encoded, origin)
    try:
        pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise _not_an_image(encoded, origin, image_format) from error
    if pixels is None or pixels.size == 0:
        raise _not_an_image(encoded, origin, image_format)
    if structure is not None and may_be_short(structure, pixels) and is_short(encoded, structure):
        raise _truncated(encoded, origin, "its pixels end before its end mark")
    if pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)
    elif pixels.dtype != np.uint8:
        raise FrameDecodeError(
            f"{origin} holds {pixels.dtype} pixels, expected 8-bit or 16-bit", "Convert it to PNG or JPEG"
        )
    if (mosaic := _mosaic(image_format)) is not None:
        return _uint8(cv2.cvtColor(np.ascontiguousarray(pixels[..., 0]), mosaic))
    return _uint8(pixels if "compressed rgb" in image_format else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels))


_NO_PICTURES: Final = ("compresseddepth", "rvl", "h264", "h265", "hevc", "vp8", "vp9", "av1")


def is_picture_format(image_format: str) -> bool:
    """Whether ``format`` of a ``sensor_msgs/CompressedImage`` means colours or brightness that OpenCV decodes.

    "16UC1; png compressed ", "32FC1; compressedDepth png" and their like are depth, which is no picture however it was
    compressed; "h264" and its like are streams, of which one message is no image.
    """
    source, _, codec = image_format.lower().partition(";")
    words = {source.strip(), *codec.split()}
    is_deep = re.fullmatch(r"(16|32|64)[usf]c\d*|8sc\d*", source.strip()) is not None
    return not is_deep and words.isdisjoint(_NO_PICTURES)


def _check_picture_format(image_format: str, origin: str) -> None:
    if not is_picture_format(image_format):
        raise FrameDecodeError(
            f"{origin}: format {image_format.strip()!r} is no picture, expected a colour or grey image as JPEG or PNG",
            "Choose the topic of a colour or grey camera",
        )


def _mosaic(image_format: str) -> int | None:
    """OpenCV's way from the compressed mosaic of a Bayer camera to RGB, None for every other image."""
    source, _, codec = image_format.partition(";")
    was_converted = "compressed bgr" in codec or "compressed rgb" in codec
    if not source.startswith("bayer_") or "compressed" not in codec or was_converted:
        return None
    layout = _LAYOUTS.get(source)
    return None if layout is None else layout.to_rgb


def _layout(encoding: str, height: int, width: int) -> _Layout:
    layout = _LAYOUTS.get(encoding.lower())
    if layout is None:
        raise FrameDecodeError(
            f"unknown image encoding {encoding!r}, expected one of {', '.join(RAW_ENCODINGS)}",
            "Set the camera driver to one of these, or choose another image topic",
        )
    if height <= 0 or width <= 0:
        raise FrameDecodeError(f"image of size {width}x{height}, expected at least 1x1", "Mend the publisher")
    if layout.even_width and width % 2:
        raise FrameDecodeError(
            f"{encoding} image of width {width}: two pixels share their colour, so the width must be even",
            "Mend the publisher",
        )
    return layout


def _grey16(data: ImageBytes, height: int, width: int, step: int, is_bigendian: bool) -> ImageRgb:
    order = ">" if is_bigendian else "<"
    grey: npt.NDArray[np.uint16] = np.ndarray((height, width), np.dtype(f"{order}u2"), data, 0, (step, 2))
    if is_bigendian != (sys.byteorder == "big"):
        grey = grey.astype(np.uint16)
    elif step % 2:
        grey = np.ascontiguousarray(grey)
    return _uint8(cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=1 / 257), cv2.COLOR_GRAY2RGB))


def _converted(pixels: ImageRgb, to_rgb: int, encoding: str) -> ImageRgb:
    try:
        return _uint8(cv2.cvtColor(pixels, to_rgb))
    except cv2.error as error:  # the OpenCV of Ubuntu 22.04 refuses a single pixel
        raise FrameDecodeError(
            f"an image of shape {pixels.shape} cannot be converted from {encoding}", "Mend the publisher"
        ) from error


def _refuse_encoded(data: ImageBytes, height: int, width: int, encoding: str, step: int) -> None:
    """Name a driver that sends the camera's JPEGs as if they were pixels, as usb_cam does with yuv422.

    Raises:
        FrameDecodeError: the bytes are an encoded image.
    """
    found = memoryview(data).nbytes  # type: ignore[arg-type]  # see decode_raw
    if found == height * step:
        return
    header = read_image_header(bytes(memoryview(data).cast("B")[:_HEADER_BYTES]))  # type: ignore[arg-type]
    if header is not None and header.format in ("JPEG", "PNG"):
        raise FrameDecodeError(
            f"the image says {width}x{height} {encoding} with {height * step} bytes of pixels, its {found} bytes are "
            f"a {header.format} of {header.width_px}x{header.height_px}",
            "Let the driver decode it (usb_cam: set pixel_format to mjpeg2rgb or yuyv2rgb), or publish it as "
            "sensor_msgs/CompressedImage",
        )


def _check_header(encoded: bytes, origin: str, image_format: str, max_pixels: int) -> None:
    if not encoded:
        raise FrameDecodeError(f"{origin} is empty, expected an image", "Leave it out or record it again")
    header = read_image_header(encoded)
    if header is None or not (header.width_px and header.height_px):
        _checked_structure(encoded, origin)
        raise _not_an_image(encoded, origin, image_format)
    check_size(header.width_px, header.height_px, origin, max_pixels)
    if header.sample_bits > LARGEST_SAMPLE_BITS:
        raise FrameDecodeError(
            f"{origin} holds {header.sample_bits}-bit pixels, expected 8-bit or 16-bit", "Convert it to PNG or JPEG"
        )


def _checked_structure(encoded: bytes, origin: str) -> JpegStructure | None:
    """The marks of a JPEG, None for other formats: of these OpenCV decodes the whole image or nothing."""
    if not encoded.startswith(b"\xff\xd8"):
        return None
    structure = read_structure(encoded)
    if structure.fault:
        raise _truncated(encoded, origin, structure.fault)
    return structure


def _truncated(encoded: bytes, origin: str, fault: str) -> FrameDecodeError:
    return FrameDecodeError(
        f"truncated image: {origin} has {len(encoded)} bytes, {fault}", "Leave it out or record it again"
    )


def _not_an_image(encoded: bytes, origin: str, image_format: str) -> FrameDecodeError:
    stated = f" (format {image_format!r})" if image_format else ""
    return FrameDecodeError(
        f"{origin}{stated} does not decode: {len(encoded)} bytes beginning with {encoded[:8].hex(' ')}",
        "Expected JPEG, PNG, WebP, TIFF, BMP or PNM; check the file or the topic, or leave it out",
    )


def _uint8(pixels: npt.NDArray[np.generic] | cv2.typing.MatLike) -> ImageRgb:
    return pixels.astype(np.uint8, copy=False)
