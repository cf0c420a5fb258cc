"""Small images on disk, each of a grey of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np


def write_images(folder: Path, names: Iterable[str], width_px: int = 6, height_px: int = 4) -> Path:
    """Write one image for each name, the first of grey 40, the next of 80 and so on; folders are made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, 1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), np.full((height_px, width_px, 3), 40 * number % 256, np.uint8))
    return folder
