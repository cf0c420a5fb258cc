# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Label maps kept on disk: a palette PNG for each image, which any viewer shows.

A map is found by the pixels of its image, so that neither renaming, nor a new image of the old name, nor two images of
one name bring up the wrong one. It lies in a folder named after the segmenter and the grouping that made it, and says
in itself what made it and what its pixels hash to.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vpr_ros.core.disk import new_file, write_text
from vpr_ros.core.errors import TrainingError, VprError
from vpr_ros.core.files import LARGEST_JSON_BYTES, parse_json, read_bytes
from vpr_ros.core.frames import ImageRgb
from vpr_ros.sources.image_file import LARGEST_IMAGE_BYTES
from vpr_ros.training.labels.grouping import GroupMap

_LOG = logging.getLogger(__name__)

MADE_BY: Final = "vpr_ros.labels"
PIXELS: Final = "vpr_ros.pixels"
ABOUT: Final = "about.json"
_COLOURS: Final = (
    (70, 130, 180), (128, 64, 128), (150, 150, 150), (60, 140, 50), (220, 40, 60), (250, 200, 30), (0, 160, 160),
    (240, 240, 240),
)  # fmt: skip


class LabelCache:
    """Label maps of one segmenter and grouping.

    Args:
        folder: for those of all segmenters.
        sha256: of segmenter and grouping.
        about: what they are, for people.

    Raises:
        TrainingError: the disk refused.
    """

    def __init__(self, folder: Path, sha256: str, about: str) -> None:
        self._folder, self._sha256 = folder / sha256, sha256
        described = self._folder / ABOUT
        if _about(described) == about:
            return
        others = {_about(other) for other in folder.glob(f"*/{ABOUT}") if other != described} - {""}
        for other in sorted(others):
            _LOG.warning("%s holds label maps of %s; those of %s are made beside them", folder, other, about)
        write_text(described, json.dumps({"labels": about, "sha256": sha256}) + "\n", TrainingError)

    def of(self, name: str, image_rgb: ImageRgb, make: Callable[[], GroupMap]) -> GroupMap:
        """The map of an image: from disk, or made and kept.

        Args:
            name: the image's, for messages.
            image_rgb: (H, W, 3) uint8.
            make: makes the map where it is not on disk, damaged, or another segmenter's.

        Raises:
            TrainingError: the disk refused.
            VprError: whatever *make* raises.
        """
        path = self.path(image_rgb)
        if path.is_file():
            try:
                return self._read(path, image_rgb.shape[:2])
            except VprError as error:
                _LOG.warning("the label map of %s is made again: %s", name, error.problem)
        groups = make()
        with new_file(path, TrainingError) as part:
            part.write_bytes(_encoded(groups, self._sha256))
        return groups

    def path(self, image_rgb: ImageRgb) -> Path:
        """Where the map of an image lies, or would."""
        digest = hashlib.sha256(repr(image_rgb.shape).encode())
        digest.update(np.ascontiguousarray(image_rgb).data)
        key = digest.hexdigest()
        return self._folder / key[:2] / f"{key}.png"

    def _read(self, path: Path, shape: tuple[int, ...]) -> GroupMap:
        content = read_bytes(path, LARGEST_IMAGE_BYTES, TrainingError)
        try:
            with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
                made_by, pixels = (str(picture.info.get(key, "")) for key in (MADE_BY, PIXELS))
                if picture.size != (shape[1], shape[0]):  # before they are unpacked
                    raise TrainingError(f"{path} is damaged (it is {picture.size[1]}x{picture.size[0]})", "Remove it")
                groups: GroupMap = np.array(picture)
        # Pillow has a SyntaxError for a broken PNG, and passes on whatever struct and zlib make of one.
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
            raise TrainingError(f"{path} is damaged ({error})", "Remove it: it is made again") from error
        if made_by != self._sha256:
            raise TrainingError(f"{path} is of another segmenter or grouping", "Remove it: it is made again")
        if groups.shape != shape or groups.dtype != np.uint8 or _hash(groups) != pixels:
            raise TrainingError(f"{path} is damaged (its checksum differs)", "Remove it: it is made again")
        return groups


def _about(path: Path) -> str:
    """What a folder of the cache says it holds; nothing where it does not say."""
    if not path.is_file():
        return ""
    try:
        content = parse_json(read_bytes(path, LARGEST_JSON_BYTES, TrainingError), str(path), TrainingError)
    except TrainingError as error:
        _LOG.warning("%s is written again: %s", path, error.problem)
        return ""
    return str(content.get("labels", "")) if isinstance(content, dict) else ""


def _encoded(groups: GroupMap, sha256: str) -> bytes:
    picture = Image.fromarray(groups)
    picture.putpalette([value for colour in _COLOURS for value in colour])
    text = PngInfo()
    text.add_text(MADE_BY, sha256)
    text.add_text(PIXELS, _hash(groups))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=text, bits=8)
    return buffer.getvalue()


def _hash(groups: GroupMap) -> str:
    digest = hashlib.sha256(repr(groups.shape).encode())
    digest.update(groups.tobytes())
    return digest.hexdigest()
