"""Images and intrinsics as messages, without the slow assignment of an array to ``Image.data``."""

from __future__ import annotations

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.lens_names import camera_info_distortion
from vpr_ros.ros.distribution import byte_field
from vpr_ros.ros.pose_messages import to_header

JPEG_QUALITY = 90


def to_raw_image(image_rgb: ImageRgb, stamp_ns: int, frame_id: str) -> Image:
    """Build an rgb8 ``sensor_msgs/Image``."""
    message = Image(header=to_header(stamp_ns, frame_id))
    message.height, message.width = image_rgb.shape[:2]
    message.encoding, message.step = "rgb8", 3 * image_rgb.shape[1]
    message.data = byte_field(image_rgb.tobytes())
    return message


def to_compressed_image(image_rgb: ImageRgb, stamp_ns: int, frame_id: str) -> CompressedImage:
    """Build a JPEG ``sensor_msgs/CompressedImage``.

    Raises:
        FrameDecodeError: OpenCV could not encode it.
    """
    done, encoded = cv2.imencode(".jpg", image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise FrameDecodeError(f"an image of shape {image_rgb.shape} cannot be encoded", "Publish it raw")
    message = CompressedImage(header=to_header(stamp_ns, frame_id))
    message.format = "rgb8; jpeg compressed bgr8"
    message.data = byte_field(encoded.tobytes())
    return message


def to_camera_info(intrinsics: CameraIntrinsics, stamp_ns: int, frame_id: str) -> CameraInfo:
    """Build the ``sensor_msgs/CameraInfo`` of images as the camera gives them."""
    message, matrix = CameraInfo(header=to_header(stamp_ns, frame_id)), intrinsics.matrix
    message.width, message.height = intrinsics.width_px, intrinsics.height_px
    message.distortion_model, message.d = camera_info_distortion(intrinsics)
    message.k = matrix.reshape(9)
    message.r = np.eye(3).reshape(9)
    message.p = np.hstack([matrix, np.zeros((3, 1))]).reshape(12)
    return message
