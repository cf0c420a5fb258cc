# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Image files: which files are images, in which order, and their pixels."""

from __future__ import annotations

import os
import re
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.files import read_bytes
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_codec import decode_compressed
from vpr_ros.core.image_header import MAX_IMAGE_PIXELS
from vpr_ros.core.printable import printable
from vpr_ros.sources.text_lines import is_file, is_folder

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff"})

LARGEST_IMAGE_BYTES: Final = 1 << 29
"""Of one file; uncompressed images of the largest size that is taken by default fit."""


MAP_FILES = ("manifest.yaml", "descriptors.npy")
"""By these a map is known that was built in the folder of its images; its thumbnails are not images of the drive."""


def read_image(path: Path, max_pixels: int = MAX_IMAGE_PIXELS) -> ImageRgb:
    """Read and decode one file.

    Raises:
        FrameDecodeError: it cannot be read, is no regular file, no image, cut, or larger than *max_pixels*.
    """
    encoded = read_bytes(path, LARGEST_IMAGE_BYTES, FrameDecodeError)
    return decode_compressed(encoded, printable(str(path)), max_pixels=max_pixels)


def list_images(folder: Path) -> list[Path]:
    """Every image below *folder*, subfolders and links included, in natural order of their relative names.

    Files and folders whose name begins with a dot are left out, and so is a map that lies there with its thumbnails,
    and a link to a folder that was read before, so that no image comes twice. What is called an image and cannot be
    read (a link to nothing, a pipe) is listed: it keeps its place in the order, and reading it says what is wrong.

    Raises:
        SourceError: there is none, or a folder cannot be read.
    """
    found = list(_image_files(folder))
    if not found:
        kinds = Counter(path.suffix.lower() for path in folder.iterdir() if is_file(path) and path.suffix)
        others = ", ".join(f"{count} {suffix}" for suffix, count in kinds.most_common(3))
        raise SourceError(
            f"{folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})" + (f" but {others}" if others else ""),
            "Give a folder of images, a rosbag2 folder, or an .mcap or .db3 file; unpack or convert what is neither",
        )
    return sorted(found, key=lambda p: natural_key(p.relative_to(folder).as_posix()))


def _image_files(folder: Path) -> Iterator[Path]:
    """Walk by hand: ``Path.rglob`` does not enter linked folders before Python 3.13, and then runs in circles.

    Links are entered last, and each folder once: a dozen folders that link to each other are millions of ways.
    """
    entered: set[str] = set()
    folders, links = deque([folder]), deque[Path]()
    while folders or links:
        here = folders.popleft() if folders else links.popleft()
        real = os.path.realpath(here)
        if real in entered or (here != folder and all(is_file(here / name) for name in MAP_FILES)):
            continue
        entered.add(real)
        for path in _visible(here):
            if is_folder(path):
                (links if path.is_symlink() else folders).append(path)
            elif path.suffix.lower() in IMAGE_SUFFIXES:
                yield path


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be read ({error.strerror or error})", "Allow yourself to read it"
        ) from error


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``frame9`` comes before ``frame10``."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
