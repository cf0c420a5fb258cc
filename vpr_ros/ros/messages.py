"""Times, poses and images of this package as standard ROS messages, for the node and for the programs beside it."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import PoseStamped, TransformStamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.jpeg_encoding import JPEG_FORMAT, encode_jpeg
from vpr_ros.core.lens_names import camera_info_distortion
from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.core.time_ns import sec_nanosec
from vpr_ros.ros.distribution import byte_field

JPEG_QUALITY = 90


def to_time(stamp_ns: int) -> Time:
    """Nanoseconds to ``builtin_interfaces/Time``."""
    sec, nanosec = sec_nanosec(stamp_ns)
    return Time(sec=sec, nanosec=nanosec)


def to_header(stamp_ns: int, frame_id: str) -> Header:
    """Build a ``std_msgs/Header``."""
    return Header(stamp=to_time(stamp_ns), frame_id=frame_id)


def to_pose_message(pose: Pose) -> PoseMessage:
    """Build a ``geometry_msgs/Pose``; an unknown orientation becomes the identity."""
    message = PoseMessage()
    point, quaternion = message.position, message.orientation
    point.x, point.y, point.z = pose.position_m
    quaternion.x, quaternion.y, quaternion.z, quaternion.w = pose.quat_xyzw or IDENTITY_QUAT_XYZW
    return message


def to_pose_stamped(pose: Pose, stamp_ns: int, frame_id: str) -> PoseStamped:
    """Build a ``geometry_msgs/PoseStamped``."""
    return PoseStamped(header=to_header(stamp_ns, frame_id), pose=to_pose_message(pose))


def to_transform(T_parent_child: Pose, parent: str, child: str, stamp_ns: int) -> TransformStamped:
    """Build a ``geometry_msgs/TransformStamped``."""
    message = TransformStamped(header=to_header(stamp_ns, parent), child_frame_id=child)
    shift, turn = message.transform.translation, message.transform.rotation
    shift.x, shift.y, shift.z = T_parent_child.position_m
    turn.x, turn.y, turn.z, turn.w = T_parent_child.rotation.as_quat().tolist()
    return message


def to_image_message(image_rgb: ImageRgb, stamp_ns: int, frame_id: str) -> Image:
    """Build an ``rgb8`` ``sensor_msgs/Image``."""
    height, width = image_rgb.shape[:2]
    message = Image(header=to_header(stamp_ns, frame_id), height=height, width=width, encoding="rgb8", step=3 * width)
    message.data = byte_field(image_rgb.tobytes())
    return message


def to_compressed_image(image_rgb: ImageRgb, stamp_ns: int, frame_id: str) -> CompressedImage:
    """Build a JPEG ``sensor_msgs/CompressedImage``.

    Raises:
        FrameDecodeError: OpenCV could not encode it.
    """
    message = CompressedImage(header=to_header(stamp_ns, frame_id))
    message.format = JPEG_FORMAT
    message.data = byte_field(encode_jpeg(image_rgb, JPEG_QUALITY))
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
