# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A JPEG that is not all there is no good frame, however it was cut; one that only carries more than it needs is."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.image_codec import decode_compressed

END = b"\xff\xd9"
PICTURE: npt.NDArray[np.uint8] = cv2.resize(
    np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8), (320, 240)
).astype(np.uint8)


def half_grey() -> npt.NDArray[np.uint8]:
    """Below, the very grey that libjpeg fills in where data are missing."""
    picture = PICTURE.copy()
    picture[120:] = 128
    return picture


def pillow(picture: npt.NDArray[np.uint8] = PICTURE, mode: str = "RGB", **options: Any) -> bytes:
    stream = BytesIO()
    Image.fromarray(picture).convert(mode).save(stream, "JPEG", **options)
    return stream.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return pillow(exif=exif)


JPEGS = {
    "baseline": pillow(),
    "one size of colour": pillow(subsampling=0),
    "optimised": pillow(optimize=True),
    "progressive": pillow(progressive=True),
    "grey": pillow(mode="L"),
    "four inks": pillow(mode="CMYK"),
    "half grey": pillow(half_grey()),
    "progressive, half grey": pillow(half_grey(), progressive=True),
    "turned": turned(),
    "restarts": cv2.imencode(".jpg", PICTURE, [cv2.IMWRITE_JPEG_RST_INTERVAL, 4])[1].tobytes(),
    "restarts, grey": cv2.imencode(".jpg", PICTURE[..., 0], [cv2.IMWRITE_JPEG_RST_INTERVAL, 7])[1].tobytes(),
    "restarts, progressive": cv2.imencode(
        ".jpg", PICTURE, [cv2.IMWRITE_JPEG_RST_INTERVAL, 3, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    )[1].tobytes(),
}  # fmt: skip


@pytest.mark.parametrize("name", JPEGS)
def test_a_whole_one_is_taken_whatever_follows_it(name: str) -> None:
    whole = JPEGS[name]
    expected = decode_compressed(whole, "a.jpg")
    assert expected.shape in ((240, 320, 3), (320, 240, 3))
    filled = whole[:-2] + b"\xff\xff" + END  # fill bytes before a mark are allowed
    for longer in (whole + bytes(4096), whole + b"maker notes" + END + b"xy", whole + whole[: len(whole) // 2], filled):
        np.testing.assert_array_equal(decode_compressed(longer, "a.jpg"), expected)


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("kept", [0.05, 0.4, 0.8, 0.95])
def test_a_part_is_refused_however_it_was_closed(name: str, kept: float) -> None:
    whole = JPEGS[name]
    part = whole[: int(len(whole) * kept)].rstrip(b"\xff")
    missing = len(whole) - len(part)
    for end in (b"", bytes(missing), END, END + bytes(missing), b"\xff", b"\xff\xd8", END + END):
        with pytest.raises(FrameDecodeError, match=r"truncated image: front/7\.jpg has \d+ bytes, "):
            decode_compressed(part + end, "front/7.jpg")


def test_a_lost_packet_between_restart_marks_is_noticed() -> None:
    whole = JPEGS["restarts"]
    third, fourth = whole.index(b"\xff\xd2"), whole.index(b"\xff\xd3")
    with pytest.raises(FrameDecodeError, match="restart marks of"):
        decode_compressed(whole[:third] + whole[fourth:], "topic")


def test_an_end_mark_in_a_thumbnail_or_a_comment_does_not_count() -> None:
    whole, thumbnail = JPEGS["baseline"], pillow(PICTURE[:16, :16].copy())
    for marker in (b"\xff\xe1", b"\xff\xfe"):
        body = b"Exif\x00\x00" + thumbnail + END
        with_thumbnail = whole[:2] + marker + (len(body) + 2).to_bytes(2, "big") + body + whole[2:]
        np.testing.assert_array_equal(decode_compressed(with_thumbnail, "a"), decode_compressed(whole, "a"))
        for kept in (len(body), len(body) + 100, len(with_thumbnail) - 40):
            with pytest.raises(FrameDecodeError, match="truncated"):
                decode_compressed(with_thumbnail[:kept], "a")


def test_a_header_that_contradicts_itself_is_refused() -> None:
    whole = JPEGS["baseline"]
    scan = whole.index(b"\xff\xda")
    other_component = whole[: scan + 5] + b"\x09" + whole[scan + 6 :]
    with pytest.raises(FrameDecodeError, match="headers contradict"):
        decode_compressed(other_component, "a")
    with pytest.raises(FrameDecodeError, match="more than 256 scans"):
        decode_compressed(whole[:-2] + whole[scan:-2] * 300 + END, "a")


@pytest.mark.parametrize("extension", [".png", ".bmp", ".ppm", ".pgm", ".webp", ".tiff"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.98])
def test_other_formats_decode_whole_or_not_at_all(extension: str, kept: float) -> None:
    picture = PICTURE[..., 0] if extension == ".pgm" else PICTURE
    whole = cv2.imencode(extension, picture)[1].tobytes()
    assert decode_compressed(whole, "a").shape == (240, 320, 3)
    with pytest.raises(FrameDecodeError):
        decode_compressed(whole[: int(len(whole) * kept)], "a")
