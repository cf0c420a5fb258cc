"""Images, poses and calibrations as the messages a bag holds."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from rosbags.typesys import Stores, get_typestore

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.jpeg_encoding import JPEG_FORMAT, encode_jpeg
from vpr_ros.core.lens_names import camera_info_distortion
from vpr_ros.core.pose import IDENTITY_QUAT_XYZW, Pose
from vpr_ros.core.time_ns import sec_nanosec

TYPESTORE: Final = get_typestore(Stores.ROS2_JAZZY)
"""Message definitions to write with, and to read bags that carry none."""

IMAGE: Final = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE: Final = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO: Final = "sensor_msgs/msg/CameraInfo"
NAV_SAT_FIX: Final = "sensor_msgs/msg/NavSatFix"
ODOMETRY: Final = "nav_msgs/msg/Odometry"
POSE_STAMPED: Final = "geometry_msgs/msg/PoseStamped"
POSE_WITH_COVARIANCE_STAMPED: Final = "geometry_msgs/msg/PoseWithCovarianceStamped"
TF_MESSAGE: Final = "tf2_msgs/msg/TFMessage"

POSE_TYPES: Final = (ODOMETRY, POSE_STAMPED, POSE_WITH_COVARIANCE_STAMPED, NAV_SAT_FIX)
IMAGE_TYPES: Final = (IMAGE, COMPRESSED_IMAGE)
READ_TYPES: Final = (*IMAGE_TYPES, *POSE_TYPES, CAMERA_INFO, TF_MESSAGE)
"""What is read from a recording; all but TF begin with a header."""

EXACT_VARIANCE: Final = 1e-6
UNKNOWN_ANGLE_VARIANCE: Final = math.pi**2
UNKNOWN_TWIST_VARIANCE: Final = 1e4
"""(m/s)² and (rad/s)²: far beyond what a robot does."""

_JPEG_QUALITY: Final = 92


def message(name: str, **fields: Any) -> Any:
    """Make a message of type *name* ("package/msg/Type") from its fields."""
    return TYPESTORE.types[name](**fields)


def header(stamp_ns: int, frame_id: str) -> Any:
    """``std_msgs/Header`` of a time and a frame."""
    seconds, nanoseconds = sec_nanosec(stamp_ns)
    stamp = message("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
    return message("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def image(image_rgb: ImageRgb, stamp_ns: int, frame_id: str) -> Any:
    """``sensor_msgs/Image``, rgb8 without padding, of (H, W, 3) uint8."""
    height, width = image_rgb.shape[:2]
    return message(
        IMAGE,
        header=header(stamp_ns, frame_id),
        height=height,
        width=width,
        encoding="rgb8",
        is_bigendian=0,
        step=3 * width,
        data=np.ascontiguousarray(image_rgb).reshape(-1),
    )


def compressed_image(image_rgb: ImageRgb, stamp_ns: int, frame_id: str) -> Any:
    """``sensor_msgs/CompressedImage``, JPEG as image_transport makes it, of (H, W, 3) uint8.

    Raises:
        FrameDecodeError: OpenCV cannot encode the image.
    """
    return message(
        COMPRESSED_IMAGE,
        header=header(stamp_ns, frame_id),
        format=JPEG_FORMAT,
        data=np.frombuffer(encode_jpeg(image_rgb, _JPEG_QUALITY), dtype=np.uint8),
    )


def camera_info(intrinsics: CameraIntrinsics, stamp_ns: int, frame_id: str) -> Any:
    """``sensor_msgs/CameraInfo`` of images as the camera gives them."""
    matrix = intrinsics.matrix
    distortion_model, coefficients = camera_info_distortion(intrinsics)
    region = message("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return message(
        CAMERA_INFO,
        header=header(stamp_ns, frame_id),
        height=intrinsics.height_px,
        width=intrinsics.width_px,
        distortion_model=distortion_model,
        d=np.array(coefficients),
        k=matrix.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.hstack([matrix, np.zeros((3, 1))]).reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=region,
    )


def odometry(T_map_base: Pose, stamp_ns: int, map_frame: str, base_frame: str) -> Any:
    """``nav_msgs/Odometry`` of an exact pose; a pose without orientation is written as facing along x.

    What is not known, the velocity and perhaps the orientation, has a variance that says so: a filter takes zero for
    certainty, or refuses it.
    """
    turn_variance = EXACT_VARIANCE if T_map_base.has_orientation else UNKNOWN_ANGLE_VARIANCE
    spread = np.diag([EXACT_VARIANCE] * 3 + [turn_variance] * 3).reshape(-1)
    return message(
        ODOMETRY,
        header=header(stamp_ns, map_frame),
        child_frame_id=base_frame,
        pose=message("geometry_msgs/msg/PoseWithCovariance", pose=pose_fields(T_map_base), covariance=spread),
        twist=message(
            "geometry_msgs/msg/TwistWithCovariance",
            twist=message("geometry_msgs/msg/Twist", linear=_vector(0, 0, 0), angular=_vector(0, 0, 0)),
            covariance=(UNKNOWN_TWIST_VARIANCE * np.eye(6)).reshape(-1),
        ),
    )


def transform(T_parent_child: Pose, stamp_ns: int, parent: str, child: str) -> Any:
    """``tf2_msgs/TFMessage`` with one transform."""
    rotation = _quaternion(T_parent_child)
    body = message("geometry_msgs/msg/Transform", translation=_vector(*T_parent_child.position_m), rotation=rotation)
    stamped = message(
        "geometry_msgs/msg/TransformStamped", header=header(stamp_ns, parent), child_frame_id=child, transform=body
    )
    return message(TF_MESSAGE, transforms=[stamped])


def pose_fields(pose: Pose) -> Any:
    """``geometry_msgs/Pose``; a pose without orientation is written as facing along x."""
    x, y, z = pose.position_m
    return message(
        "geometry_msgs/msg/Pose",
        position=message("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=_quaternion(pose),
    )


def _quaternion(pose: Pose) -> Any:
    qx, qy, qz, qw = IDENTITY_QUAT_XYZW if pose.quat_xyzw is None else pose.quat_xyzw
    return message("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw)


def _vector(x: float, y: float, z: float) -> Any:
    return message("geometry_msgs/msg/Vector3", x=x, y=y, z=z)
