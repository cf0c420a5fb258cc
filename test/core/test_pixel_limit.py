"""Images whose header claims more pixels than memory should hold are refused before anything is decoded."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.image_codec import decode_compressed, decode_raw
from vpr_ros.core.image_header import read_image_header

WIDE, HIGH = 26000, 28000
REFUSED = (
    r"big is 26000x28000 pixels, more than the limit of \d+ pixels\. .*raise max_image_pixels .*--max-image-pixels"
)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width_px: int, height_px: int, bits: int = 16) -> bytes:
    header = struct.pack(">IIBBBBB", width_px, height_px, bits, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def jpeg(width_px: int, height_px: int) -> bytes:
    whole = cv2.imencode(".jpg", np.zeros((16, 16), np.uint8))[1].tobytes()
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height_px, width_px) + whole[at + 4 :]


def bmp(width_px: int, height_px: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, width_px, -height_px, 1, 24, 0, 0, 0, 0, 0, 0)


def pnm(width_px: int, height_px: int) -> bytes:
    return b"P5\n# %d 3\n%d\n#\n%d\n255\n" % (width_px, width_px, height_px)


def webp_extended(width_px: int, height_px: int) -> bytes:
    size = (width_px - 1).to_bytes(3, "little") + (height_px - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + size


def gif(width_px: int, height_px: int) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width_px, height_px, 0, 0, 0) + b";"


def tiff(width_px: int, height_px: int, bits: int = 8, order: str = "<", tile: bool = False) -> bytes:
    width_tag, height_tag = (322, 323) if tile else (256, 257)
    entries = [(width_tag, 4, 1, width_px), (height_tag, 4, 1, height_px), (258, 4, 1, bits)]
    if tile:
        entries = [(256, 4, 1, 64), (257, 4, 1, 64), *entries]
    body = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return start + struct.pack(f"{order}H", len(entries)) + body + bytes(4)


def big_tiff(width_px: int, height_px: int) -> bytes:
    entries = [(256, 16, 1, width_px), (257, 4, 1, height_px)]
    body = b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
    return b"II" + struct.pack("<HHHQ", 43, 8, 0, 16) + struct.pack("<Q", len(entries)) + body + bytes(8)


@pytest.mark.parametrize("make", [png, jpeg, bmp, pnm, webp_extended, gif, tiff, big_tiff])
def test_every_format_is_refused_by_its_header(make: Callable[[int, int], bytes]) -> None:
    with pytest.raises(FrameDecodeError, match=REFUSED):
        decode_compressed(make(WIDE, HIGH), "big", "bayer_rggb8; jpeg compressed")


def test_a_tile_may_not_be_larger_either_and_samples_not_deeper() -> None:
    for hidden in (tiff(WIDE, HIGH, tile=True), tiff(WIDE, HIGH, order=">")):
        with pytest.raises(FrameDecodeError, match=REFUSED):
            decode_compressed(hidden, "big")
    with pytest.raises(FrameDecodeError, match="holds 64-bit pixels, expected 8-bit or 16-bit"):
        decode_compressed(tiff(9000, 9000, bits=64), "big")


@pytest.mark.parametrize(
    ("extension", "name"),
    [(".jpg", "JPEG"), (".png", "PNG"), (".bmp", "BMP"), (".ppm", "PNM"), (".webp", "WebP"), (".tiff", "TIFF")],
)
def test_the_header_of_what_opencv_writes_is_read(extension: str, name: str) -> None:
    encoded = cv2.imencode(extension, np.zeros((23, 37, 3), np.uint8))[1].tobytes()
    header = read_image_header(encoded)
    assert header is not None
    assert (header.format, header.width_px, header.height_px, header.sample_bits) == (name, 37, 23, 8)
    for kept in range(len(encoded)):  # a header that is cut anywhere is none, or the same
        assert read_image_header(encoded[:kept]) in (None, header)


@pytest.mark.parametrize("options", [{"format": "WEBP"}, {"format": "WEBP", "lossless": True}, {"format": "GIF"}])
def test_the_header_of_what_pillow_writes_is_read(options: dict[str, object]) -> None:
    stream = BytesIO()
    Image.new("RGB", (37, 23), (200, 10, 10)).save(stream, **options)  # type: ignore[arg-type]
    header = read_image_header(stream.getvalue())
    assert header is not None
    assert (header.width_px, header.height_px) == (37, 23)


def test_the_limit_is_the_last_size_that_is_taken() -> None:
    encoded = cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    assert decode_compressed(encoded, "a", max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(FrameDecodeError, match="a is 30x20 pixels, more than the limit of 599 pixels"):
        decode_compressed(encoded, "a", max_pixels=599)
    assert decode_raw(bytes(600), 20, 30, "mono8", 30, max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(FrameDecodeError, match="the image is 30x20 pixels, more than the limit of 599 pixels"):
        decode_raw(bytes(600), 20, 30, "mono8", 30, max_pixels=599)


@pytest.mark.parametrize("side", [2**31 - 1, 2**32 - 1])
def test_raw_sizes_that_overflow_are_refused(side: int) -> None:
    for height, width, step in ((side, side, side), (side, 4, 4), (4, side, side), (2, 2, side)):
        with pytest.raises(FrameDecodeError, match=r"more than the limit|truncated image|times the other"):
            decode_raw(bytes(64), height, width, "mono8", step)


def test_an_image_as_thin_as_a_thread_is_refused() -> None:
    with pytest.raises(FrameDecodeError, match="100000x2 pixels, one side more than 256 times the other"):
        decode_raw(bytes(200000), 2, 100000, "mono8", 100000)
    assert decode_raw(bytes(3 * 512), 2, 256, "rgb8", 768).shape == (2, 256, 3)


@pytest.mark.slow
def test_what_is_refused_costs_no_memory() -> None:
    """A bomb of 26 kB, decoded in a process of its own: it may not take the memory of what it claims to be."""
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from vpr_ros.core.errors import FrameDecodeError\n"
        "from vpr_ros.core.image_codec import decode_compressed\n"
        "for encoded in sys.stdin.buffer.read().split(b'NEXT'):\n"
        "    try:\n"
        "        decode_compressed(encoded, 'bomb')\n"
        "    except FrameDecodeError:\n"
        "        continue\n"
        "    raise SystemExit('it was decoded')\n"
        "print(int(re.findall(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[0]) // 1024)\n"
    )
    bombs = b"NEXT".join([png(30000, 30000), jpeg(60000, 60000), bmp(40000, 40000), tiff(50000, 50000)])
    done = subprocess.run([sys.executable, "-c", program], input=bombs, capture_output=True, timeout=60, check=True)
    assert int(done.stdout) < 500


def test_jpegs_that_a_driver_sends_as_pixels_are_named() -> None:
    mjpeg = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()
    with pytest.raises(
        FrameDecodeError,
        match=r"says 640x480 yuv422 with 614400 bytes of pixels, its \d+ bytes are a JPEG of 640x480\. .*mjpeg2rgb",
    ):
        decode_raw(mjpeg, 480, 640, "yuv422", 1280)
    with pytest.raises(FrameDecodeError, match="a JPEG of 640x480"):  # with a step of nothing, or of all
        decode_raw(mjpeg, 480, 640, "yuv422_yuy2", 0)
    pixels = b"\xff\xd8\xff\xe0" + bytes(60)  # which may begin like a JPEG
    assert decode_raw(pixels, 4, 8, "yuv422", 16).shape == (4, 8, 3)
