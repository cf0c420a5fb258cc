"""ArcFace classification, as DELG trains its global descriptor (docs/methods.md 3.3).

The recipe that trains with it is to come, with DELG's local head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

_COS_LIMIT = 1.0 - 1e-7
"""The derivative of arccos is infinite at one."""


class ArcFace(nn.Module):
    """Softmax cross-entropy of scaled cosines with an additive angular margin on the true class.

    Where the angle exceeds pi - margin the cosine stays as it is: cos(angle + margin) would rise again there.

    Args:
        dim: D of the descriptors.
        classes: number of places C.
        margin_rad: added to the angle of the true class.
        gamma: scale of the logits; None starts at sqrt(dim).
        learn_gamma: the paper learns the scale, the authors' code does not.
    """

    def __init__(
        self,
        dim: int,
        classes: int,
        margin_rad: float = 0.1,
        gamma: float | None = None,
        learn_gamma: bool = True,
    ) -> None:
        super().__init__()
        self.margin_rad = margin_rad
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, dim)))
        scale = torch.tensor(math.sqrt(dim) if gamma is None else gamma)
        self.gamma = nn.Parameter(scale, requires_grad=learn_gamma)

    def logits(self, descriptors: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, D) -> (B, C); with (B,) int64 *labels* the margin is applied to the true class."""
        cosine = nnf.linear(nnf.normalize(descriptors, dim=1), nnf.normalize(self.weight, dim=1))
        if labels is not None:
            index = labels.unsqueeze(1)
            true = cosine.gather(1, index)
            angle = torch.acos(true.clamp(-_COS_LIMIT, _COS_LIMIT))
            shifted = torch.where(angle > math.pi - self.margin_rad, true, torch.cos(angle + self.margin_rad))
            cosine = cosine.scatter(1, index, shifted)
        return self.gamma * cosine

    def forward(self, descriptors: Tensor, labels: Tensor) -> Tensor:
        """Return the scalar loss of (B, D) descriptors (any length) with (B,) int64 class indices."""
        with torch.autocast(descriptors.device.type, enabled=False):
            return nnf.cross_entropy(self.logits(descriptors.float(), labels), labels)
