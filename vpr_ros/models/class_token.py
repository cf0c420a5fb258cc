# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The two poolings without parameters: the class token, and the mean."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ClassToken(nn.Module):
    """The transformer's class token as the descriptor.

    Args:
        dim: channels D of a token; only needed to state ``out_dim``.
    """

    needs_class_token = True

    def __init__(self, dim: int = 0) -> None:
        super().__init__()
        self.out_dim = dim

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, 1 + N, D), class token first -> (B, D), L2-normalised."""
        return functional.normalize(tokens[:, 0], dim=1)


class MeanToken(nn.Module):
    """The mean of the local tokens.

    Args:
        dim: channels D of a token; only needed to state ``out_dim``.
    """

    def __init__(self, dim: int = 0) -> None:
        super().__init__()
        self.out_dim = dim

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) -> (B, D), L2-normalised."""
        return functional.normalize(tokens.mean(dim=1), dim=1)
