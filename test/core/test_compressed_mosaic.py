"""The mosaic of a Bayer camera that image_transport compressed as if it were grey: its format says which it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vpr_ros.core.image_codec import decode_compressed, decode_raw

ENCODINGS = ("bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8")
MOSAIC = np.random.default_rng(0).integers(0, 256, (16, 24), dtype=np.uint8)
PNG = cv2.imencode(".png", MOSAIC)[1].tobytes()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_becomes_the_pixels_of_the_raw_image(encoding: str) -> None:
    expected = decode_raw(MOSAIC.tobytes(), 16, 24, encoding, 24)
    assert expected.std(axis=2).max() > 20
    np.testing.assert_array_equal(decode_compressed(PNG, "topic", f"{encoding}; png compressed "), expected)


@pytest.mark.parametrize(
    "stated", ["mono8; png compressed ", "png", "", "bayer_rggb8", "bayer_rggb8; png compressed bgr8"]
)
def test_any_other_file_is_taken_as_it_is(stated: str) -> None:
    np.testing.assert_array_equal(decode_compressed(PNG, "topic", stated), np.stack([MOSAIC] * 3, axis=2))
