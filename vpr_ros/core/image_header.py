"""How large an encoded image says it is, read from its first bytes: nothing is decoded that may not fit into memory."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.jpeg_structure import jpeg_size
from vpr_ros.core.options import option

MAX_IMAGE_PIXELS: Final = 1 << 27
"""134 million, a panorama of 16384 x 8192: 400 MB when decoded."""
LARGEST_PIXEL_LIMIT: Final = 1 << 28
"""Nobody may raise the limit beyond this: OpenCV counts the bytes of an image with 31 bits, at up to 6 a pixel."""
MOST_ELONGATED: Final = 256
"""A longer side more than so many times the shorter one is no view of a place; its thumbnail would fill the memory."""
LARGEST_SAMPLE_BITS: Final = 16


@dataclass(frozen=True)
class PixelLimit:
    """How large an image may be, for every configuration that has this option."""

    max_image_pixels: int = option(
        MAX_IMAGE_PIXELS,
        "a larger image is left out before it is decoded, by the size its header states",
        unit="pixels",
        minimum=1,
        maximum=LARGEST_PIXEL_LIMIT,
        when="Raise it for cameras of more than 134 megapixels, lower it where memory is short.",
    )


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an encoded image says.

    Attributes:
        format: its name, for people.
        width_px, height_px: before an EXIF orientation is applied; of a tile, where that is larger.
        sample_bits: of one channel of a pixel.
    """

    format: str
    width_px: int
    height_px: int
    sample_bits: int = 8


def read_image_header(encoded: bytes) -> ImageHeader | None:
    """Read the header of a JPEG, PNG, WebP, TIFF, BMP, GIF, or PNM file; None where it is none of these, or is cut."""
    for start, (name, reader) in _FORMATS.items():
        if encoded.startswith(start):
            try:
                found = reader(encoded)
            except (struct.error, IndexError, ValueError):
                return None
            return None if found is None else ImageHeader(name, *found)
    return None


def check_size(width_px: int, height_px: int, origin: str, max_pixels: int) -> None:
    """Refuse an image that is too large or too thin to be one of a camera.

    Raises:
        FrameDecodeError: naming the size, the limit and what raises it.
    """
    if width_px * height_px > max_pixels:
        raise FrameDecodeError(
            f"{origin} is {width_px}x{height_px} pixels, more than the limit of {max_pixels} pixels",
            "Leave it out or make it smaller; for real images of this size raise max_image_pixels (a parameter of the "
            f"node, --max-image-pixels of build_map and evaluate), up to {LARGEST_PIXEL_LIMIT}",
        )
    if max(width_px, height_px) > MOST_ELONGATED * max(1, min(width_px, height_px)):
        raise FrameDecodeError(
            f"{origin} is {width_px}x{height_px} pixels, one side more than {MOST_ELONGATED} times the other",
            "Leave it out: no camera takes such images",
        )


_Found = tuple[int, int] | tuple[int, int, int] | None


def _jpeg(encoded: bytes) -> _Found:
    return jpeg_size(encoded)


def _png(encoded: bytes) -> _Found:
    kind, width_px, height_px, bits = struct.unpack_from(">4sIIB", encoded, 12)
    return (width_px, height_px, max(8, bits)) if kind == b"IHDR" else None


def _bmp(encoded: bytes) -> _Found:
    (header_bytes,) = struct.unpack_from("<I", encoded, 14)
    width_px, height_px = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", encoded, 18)
    return abs(width_px), abs(height_px)  # a negative height: the first row is the upper one


def _gif(encoded: bytes) -> _Found:
    width_px, height_px = struct.unpack_from("<HH", encoded, 6)
    return width_px, height_px


def _webp(encoded: bytes) -> _Found:
    kind = encoded[8:16]
    if kind == b"WEBPVP8 ":
        mark, width, height = struct.unpack_from("<3sHH", encoded, 23)
        return (width & 0x3FFF, height & 0x3FFF) if mark == b"\x9d\x01\x2a" else None
    if kind == b"WEBPVP8L":
        mark, bits = struct.unpack_from("<BI", encoded, 20)
        return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1) if mark == 0x2F else None
    if kind == b"WEBPVP8X" and len(encoded) >= 30:
        return int.from_bytes(encoded[24:27], "little") + 1, int.from_bytes(encoded[27:30], "little") + 1
    return None


_PNM_SPACE: Final = rb"(?:\s|#[^\n\r]*[\n\r])+"
_PNM: Final = re.compile(rb"P[1-6]" + _PNM_SPACE + rb"(\d{1,9})" + _PNM_SPACE + rb"(\d{1,9})\s")
_PNM_HEADER_BYTES: Final = 4096


def _pnm(encoded: bytes) -> _Found:
    found = _PNM.match(encoded[:_PNM_HEADER_BYTES])
    return None if found is None else (int(found[1]), int(found[2]))


_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 256, 257, 258, 322, 323
_TIFF_TYPES: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}


def _tiff(encoded: bytes) -> _Found:
    """The first directory of a TIFF, or of a BigTIFF with its 8-byte offsets."""
    order = "<" if encoded[:2] == b"II" else ">"
    big = encoded[2:4] in (b"\x2b\x00", b"\x00\x2b")
    (directory,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", encoded, 8 if big else 4)
    (entries,) = struct.unpack_from(f"{order}Q" if big else f"{order}H", encoded, directory)
    first, entry_bytes, offset_bytes = (directory + 8, 20, 8) if big else (directory + 2, 12, 4)
    values: dict[int, int] = {}
    for entry in range(first, first + min(entries, 65535) * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(f"{order}HH", encoded, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT):
            code = order + _TIFF_TYPES[kind] if kind in _TIFF_TYPES else ""
            (count,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", encoded, entry + 4)
            at = entry + 4 + offset_bytes
            if count * struct.calcsize(code) > offset_bytes:  # too long for its place, which then says where it is
                (at,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", encoded, at)
            values[tag] = max(values.get(tag, 0), *struct.unpack_from(code, encoded, at))
    width_px = max(values.get(_TIFF_WIDTH, 0), values.get(_TIFF_TILE_WIDTH, 0))
    height_px = max(values.get(_TIFF_HEIGHT, 0), values.get(_TIFF_TILE_HEIGHT, 0))
    return width_px, height_px, max(8, values.get(_TIFF_BITS, 1))


_FORMATS: Final[Mapping[bytes, tuple[str, Callable[[bytes], _Found]]]] = {
    b"\xff\xd8\xff": ("JPEG", _jpeg),
    b"\x89PNG\r\n\x1a\n": ("PNG", _png),
    b"RIFF": ("WebP", _webp),
    b"BM": ("BMP", _bmp),
    b"GIF8": ("GIF", _gif),
    b"II*\x00": ("TIFF", _tiff),
    b"MM\x00*": ("TIFF", _tiff),
    b"II+\x00": ("TIFF", _tiff),
    b"MM\x00+": ("TIFF", _tiff),
    **{b"P%d" % kind: ("PNM", _pnm) for kind in range(1, 7)},
}
