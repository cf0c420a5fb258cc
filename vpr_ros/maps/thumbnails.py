"""Small pictures of map frames, for RViz and reports."""

from __future__ import annotations

from pathlib import Path

import cv2

from vpr_ros.core.frames import ImageRgb

JPEG_QUALITY = 80


def encode_thumbnail(image_rgb: ImageRgb, width_px: int) -> bytes:
    """JPEG of *image_rgb*, *width_px* wide, its aspect ratio kept."""
    height, width = image_rgb.shape[:2]
    size = (width_px, max(1, round(height * width_px / width)))
    small = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA if width > width_px else cv2.INTER_LINEAR)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()


def thumbnail_path(folder: Path, index: int) -> Path:
    """Where the picture of frame *index* lies."""
    return folder / f"{index:06d}.jpg"
