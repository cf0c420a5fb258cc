# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG's local head: which places of the inner map to keep, and a short descriptor of each (docs/methods.md 7.2)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_KERAS_EPS, _KERAS_MOMENTUM = 1e-3, 0.01


class LocalMaps(NamedTuple):
    """What a local head says of each place of a feature map.

    Attributes:
        scores: (B, rows, columns), not negative, without an upper bound.
        descriptors: (B, C, rows, columns), unit length over C.
    """

    scores: Tensor
    descriptors: Tensor


class LocalLessons(NamedTuple):
    """What the losses of the local head are made of.

    Attributes:
        reconstruction: mean squared error of the autoencoder over all places and channels.
        attended: (B, inner_dim), mean over the places of score times unit feature.
        scores: (B, rows, columns).
    """

    reconstruction: Tensor
    attended: Tensor
    scores: Tensor


class DelgHead(nn.Module):
    """Attention and autoencoder on the inner map of a trunk.

    Args:
        inner_dim: channels of the map.
        dim: C of a local descriptor.
        attention_dim: channels between the two layers of the attention.
        stop_gradient: the trunk learns nothing from this head, as published.
        receptive_field_px, padding_px: of a place of the inner map; they make the boxes of non-maximum suppression.
    """

    def __init__(
        self,
        inner_dim: int,
        dim: int = 128,
        attention_dim: int = 512,
        stop_gradient: bool = True,
        receptive_field_px: int = 291,
        padding_px: int = 145,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.stop_gradient = stop_gradient
        self.receptive_field_px = receptive_field_px
        self.padding_px = padding_px
        self.reduce = nn.Conv2d(inner_dim, dim, 1)
        self.restore = nn.Conv2d(dim, inner_dim, 1)
        self.attend = nn.Sequential(
            nn.Conv2d(inner_dim, attention_dim, 1),
            nn.BatchNorm2d(attention_dim, eps=_KERAS_EPS, momentum=_KERAS_MOMENTUM),
            nn.ReLU(),
            nn.Conv2d(attention_dim, 1, 1),
            nn.Softplus(),
        )
        self.threshold: Tensor
        self.register_buffer("threshold", torch.zeros(()))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(_bias(module))

    def forward(self, inner: Tensor) -> LocalMaps:
        """(B, inner_dim, rows, columns) -> scores and descriptors of every place."""
        reduced = self.reduce(self._detached(inner))
        return LocalMaps(self._scores(self._restored(reduced)), functional.normalize(reduced, dim=1))

    def lessons(self, inner: Tensor) -> LocalLessons:
        """(B, inner_dim, rows, columns) -> what the losses need; in training the threshold becomes this batch's median.

        The attention looks at what the autoencoder gives back, and weighs the features that went in.
        """
        inner = self._detached(inner)
        restored = self._restored(self.reduce(inner))
        scores = self._scores(restored)
        attended = (scores.unsqueeze(1) * functional.normalize(inner, dim=1)).mean(dim=(2, 3))
        if self.training:
            self.threshold.copy_(scores.detach().median())
        return LocalLessons(functional.mse_loss(restored, inner), attended, scores)

    def _detached(self, inner: Tensor) -> Tensor:
        return inner.detach() if self.stop_gradient else inner

    def _restored(self, reduced: Tensor) -> Tensor:
        return functional.relu(self.restore(reduced))

    def _scores(self, restored: Tensor) -> Tensor:
        scores: Tensor = self.attend(restored).squeeze(1)
        return scores


def strongest(maps: LocalMaps, stride_px: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Best *count* places of each image, of shapes that do not depend on what it shows.

    Returns:
        Keypoints (B, count, 2) as x, y in pixels, scores (B, count) downwards, descriptors (B, count, C).
    """
    columns = maps.scores.shape[2]
    scores, index = maps.scores.flatten(1).topk(count, dim=1)
    keypoints = stride_px * torch.stack([index % columns, index // columns], dim=2).to(scores.dtype)
    chosen = index.unsqueeze(2).expand(-1, -1, maps.descriptors.shape[1])
    return keypoints, scores, maps.descriptors.flatten(2).transpose(1, 2).gather(1, chosen)


def _bias(module: Any) -> Tensor:
    bias: Tensor = module.bias
    return bias
