"""Small pictures of map frames, for RViz and reports. Nothing is localized by them: a map works without."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from vpr_ros.core.errors import FrameDecodeError, MapError
from vpr_ros.core.files import read_bytes
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_codec import decode_compressed
from vpr_ros.core.jpeg_encoding import encode_jpeg
from vpr_ros.maps.map_files import map_errors, map_file, map_folder

THUMBNAILS_NAME = "thumbnails"
JPEG_QUALITY = 80
LARGEST_THUMBNAIL_BYTES = 1 << 24


def encode_thumbnail(image_rgb: ImageRgb, width_px: int) -> bytes:
    """JPEG of *image_rgb*, *width_px* wide, its aspect ratio kept."""
    height, width = image_rgb.shape[:2]
    size = (width_px, max(1, round(height * width_px / width)))
    small = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA if width > width_px else cv2.INTER_LINEAR)
    return encode_jpeg(small.astype(np.uint8, copy=False), JPEG_QUALITY)


def thumbnail_path(folder: Path, index: int) -> Path:
    """Where the picture of frame *index* lies."""
    return folder / f"{index:06d}.jpg"


def read_thumbnail(map_path: Path, index: int) -> ImageRgb | None:
    """The picture of frame *index* of a map, (h, w, 3) uint8; None where there is none, or none that can be shown."""
    try:
        content = _content(map_path / THUMBNAILS_NAME, index)
        return None if content is None else decode_compressed(content, f"thumbnail {index} of {map_path}")
    except (FrameDecodeError, MapError):
        return None  # ``--verify`` says what is wrong with it


def thumbnails_sha256(map_path: Path, frames: int) -> tuple[int, str]:
    """How many of a map's frames have a picture, and one hash of them all.

    Raises:
        MapError: one cannot be read, or lies elsewhere.
    """
    digest = hashlib.sha256()
    found = 0
    with map_errors(map_path / THUMBNAILS_NAME):
        for index in range(frames):
            content = _content(map_path / THUMBNAILS_NAME, index)
            if content is not None:
                found += 1
                digest.update(f"{index} {len(content)}\n".encode() + content)
    return found, digest.hexdigest()


def _content(folder: Path, index: int) -> bytes | None:
    with map_errors(folder):
        path = thumbnail_path(folder, index)
        if not path.is_symlink() and not path.exists():
            return None
        map_folder(folder.parent, folder.name)
        return read_bytes(map_file(folder, path.name), LARGEST_THUMBNAIL_BYTES, MapError)
