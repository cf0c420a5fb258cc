"""The query beside the map frame it was matched with, for a person to judge."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import Image

from vpr_ros.core.frames import ImageRgb
from vpr_ros.localization import Localization
from vpr_ros.ros.distribution import byte_field
from vpr_ros.ros.pose_messages import to_header

PANEL_HEIGHT_PX = 240
CAPTION_HEIGHT_PX = 44
ACCEPTED_RGB = (60, 220, 90)
REJECTED_RGB = (240, 90, 70)


def draw_match(query_rgb: ImageRgb, match_rgb: ImageRgb | None, localization: Localization) -> ImageRgb:
    """Draw query (left) and match (right) with the answer above.

    Args:
        query_rgb: (H, W, 3) uint8.
        match_rgb: thumbnail of the best match, None where the map keeps none.
        localization: the answer.

    Returns:
        (CAPTION_HEIGHT_PX + PANEL_HEIGHT_PX, width, 3) uint8.
    """
    left = _panel(query_rgb)
    right = _panel(match_rgb) if match_rgb is not None else np.full_like(left, 40)
    if match_rgb is None:
        _text(right, "no thumbnail in the map", 24, (200, 200, 200))
    panels = np.concatenate([left, right], axis=1)
    caption = np.zeros((CAPTION_HEIGHT_PX, panels.shape[1], 3), np.uint8)
    color = ACCEPTED_RGB if localization.accepted else REJECTED_RGB
    verdict = "accepted" if localization.accepted else f"unknown: {localization.reason}"
    _text(caption, verdict, 17, color)
    if localization.matches:
        best = localization.matches[0]
        numbers = f"similarity {best.similarity:.3f}  probability {localization.probability:.2f}"
        _text(caption, f"{numbers}  map frame {best.frame_index} {best.name}", 37, (230, 230, 230))
    return np.concatenate([caption, panels])


def to_image_message(image_rgb: ImageRgb, stamp_ns: int, frame_id: str) -> Image:
    """Build an ``rgb8`` ``sensor_msgs/Image``."""
    height, width = image_rgb.shape[:2]
    message = Image(header=to_header(stamp_ns, frame_id), height=height, width=width, encoding="rgb8", step=3 * width)
    message.data = byte_field(np.ascontiguousarray(image_rgb).tobytes())
    return message


def _panel(image_rgb: ImageRgb) -> ImageRgb:
    height, width = image_rgb.shape[:2]
    size = (max(1, round(width * PANEL_HEIGHT_PX / height)), PANEL_HEIGHT_PX)
    if height == width == 1:  # which the OpenCV of Ubuntu 22.04 refuses
        image_rgb = np.repeat(image_rgb, 2, axis=0)
    return cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _text(image_rgb: npt.NDArray[np.uint8], text: str, baseline_px: int, color: tuple[int, int, int]) -> None:
    printable = text.encode("ascii", "replace").decode()
    cv2.putText(image_rgb, printable, (6, baseline_px), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1, cv2.LINE_AA)
