# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one writer of JPEG: thumbnails, recordings and what is published."""

from __future__ import annotations

import cv2

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import ImageRgb

JPEG_FORMAT = "rgb8; jpeg compressed bgr8"
"""What image_transport calls it in ``CompressedImage.format``."""


def encode_jpeg(image_rgb: ImageRgb, quality: int) -> bytes:
    """Encode (H, W, 3) uint8; *quality* is 1 to 100.

    Raises:
        FrameDecodeError: OpenCV cannot: a side of more than 65500 pixels, for one.
    """
    image_bgr = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
    try:
        done, encoded = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:  # OpenCV 4.5 raises what later ones answer
        done = False
    if not done:
        raise FrameDecodeError(
            f"an image of shape {image_rgb.shape} cannot be encoded as JPEG", "Keep it raw, or make it smaller"
        )
    return encoded.tobytes()
