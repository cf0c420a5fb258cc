"""What is written as JPEG is read as it was."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.image_codec import decode_compressed
from vpr_ros.core.jpeg_encoding import JPEG_FORMAT, encode_jpeg


def test_red_stays_red() -> None:
    image = np.full((16, 24, 3), (200, 60, 20), np.uint8)
    again = decode_compressed(encode_jpeg(image, 95), "a test", JPEG_FORMAT)
    assert again.shape == image.shape
    np.testing.assert_allclose(again.astype(int), image, atol=3)


def test_what_jpeg_cannot_hold_is_refused() -> None:
    with pytest.raises(FrameDecodeError, match=r"shape \(1, 70000, 3\) cannot be encoded as JPEG"):
        encode_jpeg(np.zeros((1, 70_000, 3), np.uint8), 90)
