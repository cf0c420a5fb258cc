# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images that cost more to make than to keep: an image list decoded once, as one array on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import TrainingError
from vpr_ros.training.image_sets import ImageList


class KeptImages:
    """Images of one size in a folder.

    Args:
        folder: belongs to one way of making them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, name: str, images: ImageList, progress: Callable[[int, int], None]) -> npt.NDArray[np.uint8]:
        """(N, H, W, 3) of N images, from disk where *name* is known already.

        Raises:
            TrainingError: what is on disk is of another list, or is no array of images.
        """
        file = self._folder / f"{name}.npy"
        if file.is_file():
            try:
                kept: npt.NDArray[np.uint8] = np.load(file, allow_pickle=False)
            except (ValueError, OSError, EOFError) as error:
                raise TrainingError(f"{file} cannot be read ({error})", "Remove it") from error
            if kept.ndim != 4 or len(kept) != len(images) or kept.dtype != np.uint8:
                raise TrainingError(
                    f"{file} holds {kept.dtype} {kept.shape}, expected {len(images)} images",
                    "Remove it, or choose another folder",
                )
            return kept
        rows = []
        for number in range(len(images)):
            rows.append(images.load(number))
            progress(number + 1, len(images))
        made = np.stack(rows)
        with new_file(file, TrainingError) as part:
            np.save(part, made, allow_pickle=False)
        return made
