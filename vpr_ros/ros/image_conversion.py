"""Camera messages to frames, through the one decoder the map builder uses too.

cv_bridge is not used where ROS provides it: it would be a second decoder with other gaps (it takes a 16-bit grey
image for an 8-bit one unless told otherwise), and a map and its robot must see the same pixels.
"""

from __future__ import annotations

from typing import TypeAlias

from sensor_msgs.msg import CompressedImage, Image

from vpr_ros.core.frames import Frame
from vpr_ros.core.image_codec import decode_compressed, decode_image
from vpr_ros.core.image_header import MAX_IMAGE_PIXELS

ImageMessage: TypeAlias = Image | CompressedImage


def to_frame(message: ImageMessage, camera: str, stamp_ns: int, max_image_pixels: int = MAX_IMAGE_PIXELS) -> Frame:
    """Decode a camera message; pixels are viewed in place where the encoding allows it.

    Raises:
        FrameDecodeError: unknown encoding, too few bytes, more than *max_image_pixels*, or not an image.
    """
    if isinstance(message, CompressedImage):
        origin = f"camera {camera!r}"
        image_rgb = decode_compressed(message.data, origin, message.format, max_pixels=max_image_pixels)
    else:
        image_rgb = decode_image(message, max_image_pixels)
    return Frame(image_rgb, stamp_ns, camera)
