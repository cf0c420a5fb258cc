# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Vision transformers of timm, DINOv2 first among them, with a choice of how positions are resampled."""

from __future__ import annotations

from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.models.backbone import check_divisible
from vpr_ros.models.position_table import PositionResampling, resample_position_table


class TransformerTokens(nn.Module):
    """What the transformers of timm have in common.

    Args:
        net: built with ``num_classes=0``.
    """

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net: Any = net
        self.dim = int(net.num_features)
        self.patch_px: tuple[int, int] = tuple(net.patch_embed.patch_size)

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of the token grid."""
        check_divisible(height_px, width_px, self.patch_px)
        return height_px // self.patch_px[0], width_px // self.patch_px[1]

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> local tokens (B, N, D)."""
        return self._all_tokens(images)[:, self.net.num_prefix_tokens :]

    def _all_tokens(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, prefix + N, D)."""
        raise NotImplementedError


class VitBackbone(TransformerTokens):
    """Tokens of a timm ``VisionTransformer`` after its final norm.

    The position table stays at the size it was learned at and is resampled for each image size; images need not be
    square.

    Args:
        net: built with ``num_classes=0`` and ``dynamic_img_size=True``.
        pos_embed: how positions are resampled, see ``PositionResampling``.
        blocks: keep only the first so many blocks; None keeps all.
        inner_block: the block whose patch tokens are the inner map; None takes the one at three quarters of them.

    Raises:
        ConfigError: more blocks wanted than there are.
    """

    def __init__(
        self,
        net: VisionTransformer,
        pos_embed: PositionResampling,
        blocks: int | None = None,
        inner_block: int | None = None,
    ) -> None:
        super().__init__(net)
        if blocks is not None:
            if not 0 < blocks <= len(net.blocks):
                raise ConfigError(f"blocks={blocks} of a backbone with {len(net.blocks)}", "Choose 1 to all of them")
            net.blocks = net.blocks[:blocks]
        self.inner_block = max(1, round(0.75 * len(net.blocks))) if inner_block is None else inner_block
        if not 0 < self.inner_block <= len(net.blocks):
            raise ConfigError(
                f"inner_block={inner_block} of a backbone with {len(net.blocks)}", "Choose 1 to all of them"
            )
        self.inner_dim, self.inner_is_described = self.dim, False
        self.pos_embed: PositionResampling = pos_embed
        self.register_buffer("baked_table", None, persistent=False)
        self._baked_grid: tuple[int, int] | None = None

    def with_class_token(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1 + N, D), class token first; registers are left out.

        Raises:
            ModelError: this transformer has no class token.
        """
        return self._with_class_token(self._all_tokens(images))

    def with_inner(self, images: Tensor, class_token: bool = False) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> tokens as without the map, and those of the inner block as a map.

        The map (B, D, rows, columns) has mean 0 and deviation 1 over the channels of each place.

        Raises:
            ModelError: a class token is asked for and there is none.
        """
        net = self.net
        inner = self._embedded(images)
        for block in net.blocks[: self.inner_block]:
            inner = block(inner)
        tokens = inner
        for block in net.blocks[self.inner_block :]:
            tokens = block(tokens)
        tokens = net.norm(tokens)
        places = functional.layer_norm(inner[:, net.num_prefix_tokens :], (self.dim,))
        grid = self.grid(int(images.shape[2]), int(images.shape[3]))
        taken = self._with_class_token(tokens) if class_token else tokens[:, net.num_prefix_tokens :]
        return taken, places.transpose(1, 2).unflatten(2, grid)

    def _with_class_token(self, tokens: Tensor) -> Tensor:
        if not self.net.has_class_token:
            raise ModelError(
                "the backbone has no class token", "Choose another aggregation, or a ViT with a class token"
            )
        return torch.cat((tokens[:, :1], tokens[:, self.net.num_prefix_tokens :]), dim=1)

    @torch.no_grad()
    def bake_positions(self, height_px: int, width_px: int) -> None:
        """Fix the position table for images of this size (for export)."""
        grid = self.grid(height_px, width_px)
        self.baked_table = self._position_table(grid).detach().clone()
        self._baked_grid = grid

    def _all_tokens(self, images: Tensor) -> Tensor:
        return self.net.norm(self.net.blocks(self._embedded(images)))  # type: ignore[no-any-return]  # timm is untyped

    def _embedded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, prefix + N, D), what the first block sees."""
        net = self.net
        grid = self.grid(int(images.shape[2]), int(images.shape[3]))
        x = self._with_positions(net.patch_embed(images).flatten(1, 2), grid)
        return net.norm_pre(net.patch_drop(net.pos_drop(x)))  # type: ignore[no-any-return]

    def _with_positions(self, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        """Put class token and registers in front and add positions, in the order the network was trained with."""
        net = self.net
        front = [
            token.expand(patches.shape[0], -1, -1) for token in (net.cls_token, net.reg_token) if token is not None
        ]
        if net.pos_embed is None:
            return torch.cat([*front, patches], dim=1)
        table = self.baked_table if self._baked_grid == grid else self._position_table(grid)
        if net.no_embed_class:
            return torch.cat([*front, patches + table], dim=1)
        return torch.cat([*front, patches], dim=1) + table

    def _position_table(self, grid: tuple[int, int]) -> Tensor:
        net = self.net
        prefix = 0 if net.no_embed_class else net.num_prefix_tokens
        return resample_position_table(net.pos_embed, tuple(net.patch_embed.grid_size), grid, prefix, self.pos_embed)


class TimmTokens(TransformerTokens):
    """Tokens of the other transformers of timm (EVA, BEiT, distilled DeiT), positions as timm handles them.

    Args:
        net: built with ``num_classes=0``; its ``forward_features`` gives (B, prefix + N, D).
    """

    def with_class_token(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1 + N, D), class token first.

        Raises:
            ModelError: this transformer has no class token.
        """
        if getattr(self.net, "cls_token", None) is None:
            raise ModelError(
                "the backbone has no class token", "Choose another aggregation, or a ViT with a class token"
            )
        tokens = self._all_tokens(images)
        return torch.cat((tokens[:, :1], tokens[:, self.net.num_prefix_tokens :]), dim=1)

    def _all_tokens(self, images: Tensor) -> Tensor:
        self.grid(int(images.shape[2]), int(images.shape[3]))
        return self.net.forward_features(images)  # type: ignore[no-any-return]  # timm is untyped
