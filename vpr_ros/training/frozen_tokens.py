# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features of a frozen backbone, computed once per image list and kept on disk: training on top costs seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.training.image_sets import ImageList

TokenArray = npt.NDArray[np.float16]
_BATCH = 32


class FrozenTokens:
    """Unit-length tokens of image lists.

    Args:
        model: whose backbone is used; the rest of it is not.
        preprocessing: at the size the backbone shall see.
        folder: where the tokens are kept; one folder belongs to one backbone, size and pooling.
        pooled: so many rows and columns of tokens are averaged to one; what is left at the edges is dropped.
    """

    def __init__(self, model: PlaceModel, preprocessing: Preprocessing, folder: Path, pooled: int = 1) -> None:
        self._model = model.eval()
        self._preprocessing = preprocessing
        self._folder = folder
        self._pooled = pooled
        self._fine: tuple[int, int] = model.backbone.grid(preprocessing.height_px, preprocessing.width_px)
        self.grid = self._fine[0] // pooled, self._fine[1] // pooled
        self.dim = int(model.backbone.dim)

    def of(self, name: str, images: ImageList, progress: Callable[[int, int], None]) -> TokenArray:
        """(N, tokens, dim) of N images, from disk where *name* is known already.

        Raises:
            TrainingError: what is on disk is of another backbone, size or list.
            FrameDecodeError: an image does not decode.
        """
        file = self._folder / f"{name}.npy"
        shape = (len(images), self.grid[0] * self.grid[1], self.dim)
        if file.is_file():
            kept: TokenArray = np.load(file, allow_pickle=False)
            if kept.shape != shape:
                raise TrainingError(
                    f"{file} holds {kept.shape}, expected {shape}", "Remove it, or choose another folder"
                )
            return kept
        rows = []
        for start in range(0, len(images), _BATCH):
            numbers = range(start, min(start + _BATCH, len(images)))
            rows.append(self._tokens([images.load(number) for number in numbers]))
            progress(numbers[-1] + 1, len(images))
        tokens = np.concatenate(rows)
        with new_file(file, TrainingError) as part:
            np.save(part, tokens, allow_pickle=False)
        return tokens

    @torch.no_grad()
    def _tokens(self, images: list[npt.NDArray[np.uint8]]) -> TokenArray:
        batch = torch.from_numpy(self._preprocessing.batch(images))
        tokens = self._model.tokens(batch)
        field = functional.avg_pool2d(tokens.transpose(1, 2).unflatten(2, self._fine), self._pooled)
        pooled: TokenArray = functional.normalize(field.flatten(2).transpose(1, 2), dim=2).numpy().astype(np.float16)
        return pooled
