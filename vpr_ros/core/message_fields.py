"""What stands in the fields of ROS messages, whichever library has read them: rosbags, or rclpy in a node."""

from __future__ import annotations

from typing import Any

from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_codec import decode_compressed, decode_raw
from vpr_ros.core.image_header import MAX_IMAGE_PIXELS
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import from_sec_nanosec


def stamp_ns_of(stamp: Any) -> int:
    """Nanoseconds of a ``builtin_interfaces/Time``."""
    return from_sec_nanosec(stamp.sec, stamp.nanosec)


def pose_of(fields: Any) -> Pose:
    """The ``Pose`` of a ``geometry_msgs/Pose``, as it stands there: it may be NaN or without length."""
    position, orientation = fields.position, fields.orientation
    return Pose(
        (float(position.x), float(position.y), float(position.z)),
        (float(orientation.x), float(orientation.y), float(orientation.z), float(orientation.w)),
    )


def transform_of(fields: Any) -> Pose:
    """The ``Pose`` of a ``geometry_msgs/Transform``, as it stands there."""
    t, q = fields.translation, fields.rotation
    return Pose((float(t.x), float(t.y), float(t.z)), (float(q.x), float(q.y), float(q.z), float(q.w)))


def decode_message(message: Any, origin: str, *, is_compressed: bool, max_pixels: int = MAX_IMAGE_PIXELS) -> ImageRgb:
    """Decode a ``sensor_msgs/Image`` or ``CompressedImage``, whichever library has read it.

    Args:
        message: has the fields of its type; pixels are viewed in place where the encoding allows it.
        origin: topic or camera it came from, named in an error about a compressed image.
        is_compressed: whether it is a ``CompressedImage``.
        max_pixels: a larger image is refused.

    Returns:
        (H, W, 3) uint8.

    Raises:
        FrameDecodeError: see ``decode_raw`` and ``decode_compressed``.
    """
    if is_compressed:
        return decode_compressed(message.data, origin, message.format, max_pixels=max_pixels)
    return decode_raw(
        message.data,
        message.height,
        message.width,
        message.encoding,
        message.step,
        bool(message.is_bigendian),
        max_pixels=max_pixels,
    )
