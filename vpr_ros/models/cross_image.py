# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The cross-image encoder of SuperVLAD: attention between the images of a batch (docs/methods.md 1.3)."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError

CrossImageMode = Literal["batch", "single"]
"""batch: as published, a descriptor depends on the images beside it. single: each image as if it were alone."""


class CrossImageEncoder(nn.Module):
    """Cluster k of every image attends to cluster k of all images of the batch.

    The sequence axis is the image batch and there is no position embedding: permuting the batch permutes the result.
    In mode ``single`` every cluster vector is a sequence of its own, equal to encoding each image in a batch of one.

    Args:
        dim: channels D of a cluster's vector.
        heads, feedforward_dim, layers, dropout: of the post-norm transformer encoder.
        mode: see ``CrossImageMode``; may be changed later.

    Raises:
        ConfigError: an unknown mode, or heads that do not divide dim.
    """

    def __init__(
        self,
        dim: int = 768,
        heads: int = 16,
        feedforward_dim: int = 2048,
        layers: int = 2,
        dropout: float = 0.1,
        mode: CrossImageMode = "batch",
    ) -> None:
        super().__init__()
        if mode not in get_args(CrossImageMode) or dim % heads:
            raise ConfigError(
                f"cross-image encoder with mode={mode!r}, dim={dim}, heads={heads}",
                f"mode must be one of {', '.join(get_args(CrossImageMode))} and heads must divide dim",
            )
        self.dim = dim
        self.mode: CrossImageMode = mode
        layer = nn.TransformerEncoderLayer(
            dim, heads, feedforward_dim, dropout, activation="gelu", layer_norm_eps=1e-5, batch_first=False
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, vlad: Tensor) -> Tensor:
        """(B, K, D) or (B, K * D) cluster-major -> (B, K * D), L2-normalised."""
        clusters = vlad.reshape(vlad.shape[0], -1, self.dim)
        # nn.TransformerEncoder reads (sequence, batch, D)
        sequence = clusters if self.mode == "batch" else clusters.reshape(1, -1, self.dim)
        return functional.normalize(self.encoder(sequence).reshape(vlad.shape[0], -1), dim=1)
