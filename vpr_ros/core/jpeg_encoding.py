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
    done, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise FrameDecodeError(
            f"an image of shape {image_rgb.shape} cannot be encoded as JPEG", "Keep it raw, or make it smaller"
        )
    return encoded.tobytes()
