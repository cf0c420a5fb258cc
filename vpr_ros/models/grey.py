"""Colour to grey, each image by itself: a robot's colours change with its lamp, its exposure and the hour."""

from __future__ import annotations

import torch
from torch import Tensor


def normalised_grey(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W), every image of mean 0 and deviation 1."""
    grey = images.mean(dim=1, keepdim=True)
    centred = grey - grey.mean(dim=(2, 3), keepdim=True)
    return centred / torch.sqrt(centred.square().mean(dim=(2, 3), keepdim=True) + 1e-5)
