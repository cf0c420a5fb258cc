# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A PNG whose pixels are class numbers."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import read_bytes
from vpr_ros.sources.image_file import LARGEST_IMAGE_BYTES
from vpr_ros.training.labels.segmenter import nearest

_HEADER: Final = struct.Struct(">8s4x4sIIBB")
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_KINDS: Final = {2: "RGB", 4: "grey with alpha", 6: "RGB with alpha"}


def read_label_png(path: Path, size_px: tuple[int, int], *, stretch: bool = False) -> npt.NDArray[Any]:
    """The class numbers (H, W) of a palette PNG (its indices) or of a grey one (8 or 16 bits, or fewer).

    Args:
        path: the file.
        size_px: height and width that it must have;
        stretch: or is brought to, by the nearest pixel.

    Raises:
        TrainingError: no such file, no PNG, colours, damaged, or of another size.
    """
    content = read_bytes(path, LARGEST_IMAGE_BYTES, TrainingError)
    if len(content) < _HEADER.size or not content.startswith(_SIGNATURE):
        raise TrainingError(f"{path} is no PNG", "Write class numbers as PNG: other formats change them")
    _, _, width, height, bits, kind = _HEADER.unpack_from(content)
    if kind not in (_GREY, _PALETTE):
        raise TrainingError(
            f"{path} holds colours ({_KINDS.get(kind, kind)}), expected a class number in each pixel",
            "Write the class numbers as a palette PNG or a grey one of 8 or 16 bits",
        )
    if (height, width) != size_px and not stretch:
        raise TrainingError(
            f"{path} is {height}x{width} pixels, its image {size_px[0]}x{size_px[1]}",
            "Write label maps of the images' own size, or let `stretch: true` bring them to it",
        )
    try:
        with Image.open(io.BytesIO(content)) as picture:
            classes = np.array(picture)
    # Pillow has a SyntaxError for a broken PNG and an error of its own for one that unpacks to gigabytes.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainingError(f"{path} is damaged ({error})", "Write it again") from error
    if kind == _GREY and bits < 8:  # decoders spread these over 0..255
        classes = classes.astype(np.uint8) if bits == 1 else classes // np.uint8(255 // (2**bits - 1))
    return nearest(classes, size_px)
