"""Image files: which files are images, in which order, and their pixels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_codec import decode_compressed

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff"})

MAP_FILES = ("manifest.yaml", "descriptors.npy")
"""By these a map is known that was built in the folder of its images; its thumbnails are not images of the drive."""


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

    Files and folders whose name begins with a dot are left out, and so is a map that lies there with its thumbnails,
    and a link to a folder it lies in.

    Raises:
        SourceError: there is none.
    """
    found = list(_image_files(folder, ()))
    if not found:
        kinds = Counter(path.suffix.lower() for path in folder.iterdir() if path.is_file() and path.suffix)
        others = ", ".join(f"{count} {suffix}" for suffix, count in kinds.most_common(3))
        raise SourceError(
            f"{folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})" + (f" but {others}" if others else ""),
            "Give a folder of images, a rosbag2 folder, or an .mcap or .db3 file; unpack or convert what is neither",
        )
    return sorted(found, key=lambda p: natural_key(p.relative_to(folder).as_posix()))


def _image_files(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """Walk by hand: ``Path.rglob`` does not enter linked folders before Python 3.13, and then runs in circles."""
    here = folder.resolve()
    if here in above or (above and all((folder / name).is_file() for name in MAP_FILES)):
        return
    try:
        visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be read ({error.strerror or error})", "Allow yourself to read it"
        ) from error
    for path in visible:
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield path
        elif path.is_dir():
            yield from _image_files(path, (*above, here))


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``frame9`` comes before ``frame10``."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
