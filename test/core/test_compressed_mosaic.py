# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
