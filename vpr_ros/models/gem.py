# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Generalised mean pooling (Radenovic et al. 2018; docs/methods.md 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def generalised_mean(tokens: Tensor, p: Tensor | float, eps: float = 1e-6) -> Tensor:
    """(B, N, D) -> (B, D): the p-th root of the mean of the p-th powers, values below *eps* raised to it."""
    return tokens.clamp(min=eps).pow(p).mean(dim=1).pow(1.0 / p)


class GeM(nn.Module):
    """Generalised mean of the tokens.

    Args:
        dim: channels D of a token; only needed to state ``out_dim``.
        p: exponent; 1 is the mean, large values tend to the maximum.
        learn_p: whether p is a parameter (benchmark, gsv-cities) or fixed (DELG).
        eps: smallest value a channel may take; negative channels are lost.
        normalize_tokens: make tokens unit length first, as the benchmark does; gsv-cities does not.
        normalize_output: L2-normalise the result; the benchmark leaves it as it is.
    """

    def __init__(
        self,
        dim: int = 0,
        p: float = 3.0,
        learn_p: bool = True,
        eps: float = 1e-6,
        normalize_tokens: bool = False,
        normalize_output: bool = True,
    ) -> None:
        super().__init__()
        self.out_dim = dim
        self.eps = eps
        self.normalize_tokens = normalize_tokens
        self.normalize_output = normalize_output
        self.p = nn.Parameter(torch.full((1,), p), requires_grad=learn_p)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> (B, D), L2-normalised unless told otherwise."""
        if self.normalize_tokens:
            tokens = functional.normalize(tokens, dim=2)
        pooled = generalised_mean(tokens, self.p, self.eps)
        return functional.normalize(pooled, dim=1) if self.normalize_output else pooled


class WhitenedGeM(nn.Module):
    """DELG's global descriptor: pooling with a fixed exponent, then a linear layer that learns to whiten.

    Args:
        dim: channels D of a token.
        out_dim: of the descriptor; D where None.
        p: exponent; 1 is the mean.
        eps: smallest value a channel may take.
    """

    def __init__(self, dim: int, out_dim: int | None = None, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.out_dim = dim if out_dim is None else out_dim
        self.p = p
        self.eps = eps
        self.whiten = nn.Linear(dim, self.out_dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> (B, out_dim), of any length."""
        whitened: Tensor = self.whiten(generalised_mean(tokens, self.p, self.eps))
        return whitened
