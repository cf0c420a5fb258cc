# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG's features of one image: a pyramid, the attention's choice, and where it lies (docs/methods.md 7.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision.ops import nms

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import PILLOW_FILTERS
from vpr_ros.evaluation.landmarks.rerank import LocalFeatures
from vpr_ros.models import PlaceModel
from vpr_ros.models.delg_head import LocalMaps
from vpr_ros.models.eval_mode import eval_mode
from vpr_ros.training.embedding import evaluating, finite_rows

SMALLEST_SIDE_PX = 10
"""A scale with a shorter side gives nothing."""
NO_SUPPRESSION = 1.0


@dataclass(frozen=True)
class Extraction:
    """How features are taken.

    Attributes:
        longest_side_px: larger images are made smaller, smaller ones are left.
        global_scales, local_scales: of the pyramids.
        most: local features that are kept, those with the highest scores.
        threshold: lowest score; None is the checkpoint's, the median of its last training batch.
        overlap: boxes that overlap a better one by more (intersection over union) are dropped; 1 drops none.
    """

    longest_side_px: int = 1024
    global_scales: Sequence[float] = (2**-0.5, 1.0, 2**0.5)
    local_scales: Sequence[float] = (0.25, 2**-1.5, 0.5, 2**-0.5, 1.0, 2**0.5, 2.0)
    most: int = 1000
    threshold: float | None = None
    overlap: float = NO_SUPPRESSION


class InnerMaps(NamedTuple):
    """What local heads look at.

    Attributes:
        maps: scale and inner map (1, inner_dim, rows, columns) of each scale that is not too small.
        resized_yx: (2,) by how much the image was resized to fit.
    """

    maps: Sequence[tuple[float, Tensor]]
    resized_yx: Tensor


class Boxes(NamedTuple):
    """Receptive fields, (N, 2) float32 as y, x in pixels."""

    corner_yx: Tensor
    far_corner_yx: Tensor

    @property
    def centre_yx(self) -> Tensor:
        """Middle between the two corners."""
        return (self.corner_yx + self.far_corner_yx) / 2


def receptive_boxes(rows: int, columns: int, stride_px: int, field_px: int, padding_px: int) -> Boxes:
    """Receptive fields of the places of a map, row by row; corners are the first and the last pixel."""
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).reshape(-1, 2).float()
    corner = stride_px * places - padding_px
    return Boxes(corner, corner + (field_px - 1))


def suppressed(boxes: Boxes, scores: Tensor, overlap: float) -> Tensor:
    """Return the numbers of the boxes that are kept, best first."""
    if overlap >= NO_SUPPRESSION:
        return torch.argsort(scores, descending=True, stable=True)
    corners = torch.cat([boxes.corner_yx, boxes.far_corner_yx], dim=1)
    kept: Tensor = nms(corners, scores, overlap)  # symmetric in x and y
    return kept


def over_scales(descriptors: Tensor) -> Tensor:
    """(S, D) of one image at S scales -> (D,) of unit length: the mean of unit vectors."""
    return functional.normalize(functional.normalize(descriptors, dim=1).mean(dim=0), dim=0)


class DelgExtractor:
    """Runs a model with a local head on images of any size.

    Args:
        model: to run, on the device it is on.
        settings: see ``Extraction``.

    Raises:
        ConfigError: a model without a local head.
    """

    def __init__(self, model: PlaceModel, settings: Extraction | None = None) -> None:
        if model.local_head is None:
            raise ConfigError(
                f"model {model.config.name!r} has no local head", "Give one trained by a recipe with `local_head`"
            )
        self.model = model
        self.settings = settings or Extraction()

    def descriptor(self, image_rgb: ImageRgb, share_of_limit: float = 1.0) -> npt.NDArray[np.float32]:
        """(H, W, 3) uint8 -> (D,) of unit length.

        Args:
            image_rgb: the image.
            share_of_limit: of ``longest_side_px``; a query that is cut out has less.

        Raises:
            ConfigError: an image too small for every scale.
            ModelError: numbers that are not finite.
        """
        image = self._fitted(image_rgb, share_of_limit)
        with evaluating(self.model):
            found = [
                self.model(scaled)
                for scale in self.settings.global_scales
                if (scaled := _scaled(image, scale)) is not None
            ]
        if not found:
            raise ConfigError(
                f"an image of {image_rgb.shape[1]}x{image_rgb.shape[0]} pixels: under {SMALLEST_SIDE_PX} at any scale",
                "Leave it out",
            )
        return finite_rows(over_scales(torch.cat(found).float()).unsqueeze(0).cpu())[0]

    def local(self, image_rgb: ImageRgb, share_of_limit: float = 1.0) -> LocalFeatures:
        """(H, W, 3) uint8 -> local features, best first, in pixels of this image; perhaps none."""
        return self.chosen(self.model.local_head, self.inner_maps(image_rgb, share_of_limit))

    def inner_maps(self, image_rgb: ImageRgb, share_of_limit: float = 1.0) -> InnerMaps:
        """(H, W, 3) uint8 -> what local heads look at."""
        image = self._fitted(image_rgb, share_of_limit)
        height, width = image_rgb.shape[:2]
        pyramid = [(scale, _scaled(image, scale)) for scale in self.settings.local_scales]
        with evaluating(self.model):
            maps = [(scale, self.model.backbone.stages(part)[0]) for scale, part in pyramid if part is not None]
        return InnerMaps(maps, torch.tensor([image.shape[2] / height, image.shape[3] / width]))

    def chosen(self, head: Any, inner: InnerMaps) -> LocalFeatures:
        """Return the features that *head* keeps, best first; of all scales together."""
        parts = [self._of_scale(head, scale, map_of_scale) for scale, map_of_scale in inner.maps]
        if not parts:
            nothing = np.empty((0, head.dim), np.float32)
            return LocalFeatures(nothing[:, :0].reshape(0, 2), nothing, np.empty(0, np.float32))
        corner, far_corner, scores, descriptors = (torch.cat(column) for column in zip(*parts, strict=True))
        boxes = Boxes(corner, far_corner)
        kept = suppressed(boxes, scores, self.settings.overlap)[: self.settings.most]
        points = boxes.centre_yx[kept] / inner.resized_yx
        return LocalFeatures(points.float().numpy(), descriptors[kept].float().numpy(), scores[kept].float().numpy())

    def _of_scale(self, head: Any, scale: float, inner: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Corners of the boxes at scale 1, scores and descriptors of what the attention keeps."""
        with torch.no_grad(), eval_mode(head):
            maps = LocalMaps(*(part.cpu() for part in head(inner)))
        stride = int(self.model.backbone.inner_stride_px)
        rows, columns = maps.scores.shape[1:]
        boxes = receptive_boxes(rows, columns, stride, head.receptive_field_px, head.padding_px)
        scores = maps.scores.flatten()
        limit = float(head.threshold) if self.settings.threshold is None else self.settings.threshold
        kept = torch.nonzero(scores >= limit).flatten()
        descriptors = maps.descriptors.flatten(2)[0].T
        return boxes.corner_yx[kept] / scale, boxes.far_corner_yx[kept] / scale, scores[kept], descriptors[kept]

    def _fitted(self, image_rgb: ImageRgb, share_of_limit: float) -> Tensor:
        """(H, W, 3) uint8 -> normalised (1, 3, h, w) with the longer side at most the limit."""
        height, width = image_rgb.shape[:2]
        factor = min(1.0, self.settings.longest_side_px * share_of_limit / max(height, width))
        if factor < 1.0:
            size = max(1, round(width * factor)), max(1, round(height * factor))
            image_rgb = np.asarray(Image.fromarray(image_rgb).resize(size, PILLOW_FILTERS.BILINEAR))
        preprocessing = self.model.config.preprocessing
        mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
        pixels = torch.from_numpy(np.array(image_rgb)).permute(2, 0, 1).float() / 255.0
        device = next(self.model.parameters()).device
        return ((pixels - mean) / std).unsqueeze(0).to(device)


def _scaled(image: Tensor, scale: float) -> Tensor | None:
    height, width = (round(scale * side) for side in image.shape[2:])
    if min(height, width) < SMALLEST_SIDE_PX:
        return None
    if (height, width) == tuple(image.shape[2:]):
        return image
    return functional.interpolate(image, (height, width), mode="bilinear", align_corners=False)
