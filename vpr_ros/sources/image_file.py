"""Image files: which files are images, in which order, and their pixels."""

from __future__ import annotations

import re
from pathlib import Path

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_codec import decode_compressed

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff"})


def read_image(path: Path) -> ImageRgb:
    """Read and decode one file.

    Raises:
        FrameDecodeError: it cannot be read, or is no image.
    """
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise FrameDecodeError(
            f"{path} cannot be read ({error.strerror or error})", "Check that it exists and may be read"
        ) from error
    return decode_compressed(encoded, str(path))


def list_images(folder: Path) -> list[Path]:
    """Every image below *folder*, subfolders and links included, in natural order of their relative names.

    Raises:
        SourceError: there is none.
    """
    found = [p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
    visible = [p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    if not visible:
        raise SourceError(
            f"{folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})",
            "Give a folder of images, a rosbag2 folder, or an .mcap or .db3 file",
        )
    return sorted(visible, key=lambda p: natural_key(p.relative_to(folder).as_posix()))


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``frame9`` comes before ``frame10``."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
