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
