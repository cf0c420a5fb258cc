"""Fields of messages as numbers, times, poses and pixels, without a library that knows the types."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.message_fields import decode_message, pose_of, stamp_ns_of, transform_of
from vpr_ros.core.pose import Pose

POINT = SimpleNamespace(x=np.float64(1.0), y=2, z=3.0)
TURN = SimpleNamespace(x=0.0, y=0.6, z=0.0, w=0.8)


def test_a_stamp_keeps_every_nanosecond() -> None:
    assert stamp_ns_of(SimpleNamespace(sec=1_234_567_890, nanosec=123_456_789)) == 1_234_567_890_123_456_789


def test_a_pose_and_a_transform_are_read_with_w_last() -> None:
    expected = Pose((1.0, 2.0, 3.0), (0.0, 0.6, 0.0, 0.8))
    assert pose_of(SimpleNamespace(position=POINT, orientation=TURN)) == expected
    assert transform_of(SimpleNamespace(translation=POINT, rotation=TURN)) == expected


def test_a_message_of_any_library_is_decoded_by_its_kind() -> None:
    picture = np.random.default_rng(5).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    raw = SimpleNamespace(data=picture.tobytes(), height=4, width=6, encoding="bgr8", step=18, is_bigendian=0)
    np.testing.assert_array_equal(decode_message(raw, "front", is_compressed=False), picture[..., ::-1])
    file = SimpleNamespace(data=cv2.imencode(".png", picture)[1], format="png")
    np.testing.assert_array_equal(decode_message(file, "front", is_compressed=True), picture[..., ::-1])
    with pytest.raises(FrameDecodeError, match="more than the limit of 23 pixels"):
        decode_message(raw, "front", is_compressed=False, max_pixels=23)
    with pytest.raises(FrameDecodeError, match="front is empty"):
        decode_message(SimpleNamespace(data=b"", format=""), "front", is_compressed=True)
