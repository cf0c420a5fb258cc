# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is trained under every aggregation: one block of a vision transformer and its final norm, on frozen tokens."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class TransformerAdapter(nn.Module):
    """One pre-norm block, attention and multilayer perceptron, and a final norm without parameters.

    The papers fine-tune a transformer, whose last blocks can move what the centres of a VLAD would subtract, and whose
    final norm gives every token the same length. So does this: each token leaves with zero mean and length ``sqrt(D)``.
    Both residual branches begin at zero, so it begins as that norm alone.

    Args:
        dim: D, channels of a token.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.attended = nn.Linear(dim, dim)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), _zeroed(nn.Linear(2 * dim, dim))
        )
        self.final_norm = nn.LayerNorm(dim, elementwise_affine=False)
        _zeroed(self.attended)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        query, key, value = self.query_key_value(self.attention_norm(tokens)).chunk(3, dim=2)
        tokens = tokens + self.attended(functional.scaled_dot_product_attention(query, key, value))
        normed: Tensor = self.final_norm(tokens + self.perceptron(tokens))
        return normed


def _zeroed(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
