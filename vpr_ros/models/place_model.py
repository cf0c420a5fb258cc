# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Image to descriptor: backbone, aggregation, and what may follow."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.backbone import HasClassToken
from vpr_ros.models.config import ModelConfig
from vpr_ros.models.cross_image import CrossImageEncoder
from vpr_ros.models.delg_head import DelgHead, LocalMaps
from vpr_ros.models.keypoint_head import ChosenFeatures, KeypointHead
from vpr_ros.models.patch_normalised import PatchNormalised
from vpr_ros.models.pca_whitening import PcaWhitening


class PlaceModel(nn.Module):
    """A network that describes the place an image shows.

    Args:
        config: what the parts were built from; travels with the weights.
        backbone: see ``Backbone``.
        aggregation: ``forward(tokens (B, N, D)) -> (B, out_dim)``.
        cross_image, whitening, patch_normalised, local_head: may be None.

    Raises:
        ConfigError: an aggregation that needs a class token over a backbone without one.
    """

    def __init__(
        self,
        config: ModelConfig,
        backbone: nn.Module,
        aggregation: nn.Module,
        cross_image: CrossImageEncoder | None = None,
        whitening: PcaWhitening | None = None,
        patch_normalised: PatchNormalised | None = None,
        local_head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.backbone: Any = backbone
        self.aggregation: Any = aggregation
        self.cross_image = cross_image
        self.whitening = whitening
        self.patch_normalised = patch_normalised
        self.local_head: Any = local_head
        last: Any = aggregation if whitening is None else whitening
        self.descriptor_dim = int(last.out_dim) + (0 if patch_normalised is None else patch_normalised.out_dim)
        self._needs_class_token = bool(getattr(aggregation, "needs_class_token", False))
        self._needs_pyramid = bool(getattr(aggregation, "needs_pyramid", False))
        if self._needs_class_token and not isinstance(backbone, HasClassToken):
            raise ConfigError(
                f"aggregation {config.aggregation.name!r} over {config.backbone.name!r}, which has no class token",
                "Choose a vision transformer, or another aggregation",
            )

    def tokens(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) -> local tokens (B, N, D)."""
        return self.backbone(images)  # type: ignore[no-any-return]

    def aggregate(self, tokens: Any) -> Tensor:
        """Tokens (B, N, D), (B, 1 + N, D) with class token, or a pyramid -> learned descriptors (B, D), unit length."""
        descriptors = self.aggregation(tokens)
        if self.cross_image is not None:
            descriptors = self.cross_image(descriptors)
        if self.whitening is not None:
            descriptors = self.whitening(descriptors)
        return functional.normalize(descriptors, dim=1)

    def learned(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) -> learned descriptors (B, D), L2-normalised."""
        if self._needs_pyramid:
            return self.aggregate(self.backbone.pyramid(images))
        tokens = self.backbone.with_class_token(images) if self._needs_class_token else self.backbone(images)
        return self.aggregate(tokens)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, H, W) -> descriptors (B, descriptor_dim), L2-normalised."""
        learned = self.learned(images)
        return learned if self.patch_normalised is None else self.patch_normalised.beside(learned, images)

    def with_local(self, images: Tensor) -> tuple[Tensor, LocalMaps]:
        """Normalised images (B, 3, H, W) -> descriptors (B, descriptor_dim) and local features, in one pass.

        Raises:
            ConfigError: the model has no local head of this kind.
        """
        if not isinstance(self.local_head, DelgHead):
            raise ConfigError(
                f"model {self.config.name!r} has no local head of DELG", "Choose one trained with `local_head`"
            )
        inner, last = self.backbone.stages(images)
        return self._described(last.flatten(2).transpose(1, 2), images), self.local_head(inner)

    def with_keypoints(self, images: Tensor) -> tuple[Tensor, ChosenFeatures]:
        """Normalised images (B, 3, H, W) -> descriptors (B, descriptor_dim) and local features, in one pass.

        Raises:
            ConfigError: the model has no local head of this kind.
        """
        if not isinstance(self.local_head, KeypointHead):
            raise ConfigError(
                f"model {self.config.name!r} has no local head of keypoints",
                "Give it a local head with `train_local_head`",
            )
        tokens, inner = self.backbone.with_inner(images, self._needs_class_token)
        return self._described(tokens, images), self.local_head(images, inner)

    def _described(self, tokens: Tensor, images: Tensor) -> Tensor:
        learned = self.aggregate(tokens)
        return learned if self.patch_normalised is None else self.patch_normalised.beside(learned, images)
