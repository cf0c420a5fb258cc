# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Compact convolutional transformer CCT-14/7x2 (Hassani et al. 2021; docs/methods.md 4.1), with published names."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from timm.layers.drop import DropPath
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.position_table import resample_position_table

STRIDE_PX = 16
"""Two convolutions and two poolings, each of stride 2."""


@dataclass(frozen=True)
class CctShape:
    """Size of a CCT; the defaults are CCT-14/7x2 for 384x384 images.

    Attributes:
        dim: channels D of a token.
        blocks: transformer blocks.
        heads: attention heads.
        mlp_ratio: width of the MLP over dim.
        image_px: height and width the position table is learned at.
        attention_dropout, stochastic_depth: while training; the latter grows from 0 to this over the blocks.
    """

    dim: int = 384
    blocks: int = 14
    heads: int = 6
    mlp_ratio: int = 3
    image_px: tuple[int, int] = (384, 384)
    attention_dropout: float = 0.1
    stochastic_depth: float = 0.1


class Cct(nn.Module):
    """Convolutional tokenizer, transformer, final norm; no pooling.

    Args:
        shape: see ``CctShape``.
        blocks: keep only the first so many blocks; None keeps all.

    Raises:
        ConfigError: more blocks wanted than there are, or heads that do not divide dim.
    """

    def __init__(self, shape: CctShape | None = None, blocks: int | None = None) -> None:
        super().__init__()
        shape = CctShape() if shape is None else shape
        kept = shape.blocks if blocks is None else blocks
        if not 0 < kept <= shape.blocks or shape.dim % shape.heads:
            raise ConfigError(
                f"CCT with {kept} of {shape.blocks} blocks, dim={shape.dim} and {shape.heads} heads",
                f"Choose 1 to {shape.blocks} blocks and heads that divide dim",
            )
        self.dim = shape.dim
        self._learned_grid = self.grid(*shape.image_px)
        self.tokenizer = _Tokenizer(shape.dim)
        self.classifier = _Transformer(shape, kept, self._learned_grid[0] * self._learned_grid[1])
        self.register_buffer("baked_table", None, persistent=False)
        self._baked_grid: tuple[int, int] | None = None

    def grid(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of the token grid: four halvings, each rounded up."""
        return -(-height_px // STRIDE_PX), -(-width_px // STRIDE_PX)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> tokens (B, N, D); other sizes than the learned one resample the position table."""
        grid = self.grid(int(images.shape[2]), int(images.shape[3]))
        table = self.baked_table if self._baked_grid == grid else self._position_table(grid)
        return self.classifier(self.tokenizer(images), table)  # type: ignore[no-any-return]

    @torch.no_grad()
    def bake_positions(self, height_px: int, width_px: int) -> None:
        """Fix the position table for images of this size (for export)."""
        grid = self.grid(height_px, width_px)
        self.baked_table = self._position_table(grid).detach().clone()
        self._baked_grid = grid

    def _position_table(self, grid: tuple[int, int]) -> Tensor:
        return resample_position_table(self.classifier.positional_emb, self._learned_grid, grid, 0, "timm")


class _Tokenizer(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv_layers = nn.Sequential(_convolution(3, 64), _convolution(64, dim))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, N, D)."""
        feature_map: Tensor = self.conv_layers(images)
        return feature_map.flatten(2).transpose(1, 2)


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel_size=7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(convolution.weight)
    return nn.Sequential(convolution, nn.ReLU(), nn.MaxPool2d(kernel_size=3, stride=2, padding=1))


class _Transformer(nn.Module):
    def __init__(self, shape: CctShape, kept: int, tokens: int) -> None:
        super().__init__()
        self.positional_emb = nn.Parameter(torch.empty(1, tokens, shape.dim))
        nn.init.trunc_normal_(self.positional_emb, std=0.2)
        self.attention_pool = _UnusedPooling(shape.dim)
        depth = [shape.stochastic_depth * i / max(1, shape.blocks - 1) for i in range(shape.blocks)]
        self.blocks = nn.ModuleList(_Block(shape, drop_path) for drop_path in depth[:kept])
        self.norm = nn.LayerNorm(shape.dim)
        self.apply(_initialise)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """(B, N, D), (1, N, D) -> (B, N, D)."""
        x = tokens + positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x)  # type: ignore[no-any-return]


class _UnusedPooling(nn.Module):
    """Keeps the published names of the pooling that place recognition leaves out; buffers, so nothing trains them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(1, dim))
        self.register_buffer("bias", torch.zeros(1))


class _Block(nn.Module):
    """The second norm replaces the residual stream: neither a pre-norm nor a post-norm block."""

    def __init__(self, shape: CctShape, drop_path: float) -> None:
        super().__init__()
        self.pre_norm = nn.LayerNorm(shape.dim)
        self.self_attn = _Attention(shape.dim, shape.heads, shape.attention_dropout)
        self.norm1 = nn.LayerNorm(shape.dim)
        self.linear1 = nn.Linear(shape.dim, shape.dim * shape.mlp_ratio)
        self.linear2 = nn.Linear(shape.dim * shape.mlp_ratio, shape.dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x + self.drop_path(self.self_attn(self.pre_norm(x))))
        return x + self.drop_path(self.linear2(functional.gelu(self.linear1(x))))  # type: ignore[no-any-return]


class _Attention(nn.Module):
    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], dropout_p=dropout)
        return self.proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
