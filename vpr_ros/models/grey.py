# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Colour to grey, each image by itself: a robot's colours change with its lamp, its exposure and the hour."""

from __future__ import annotations

import torch
from torch import Tensor


def normalised_grey(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W), every image of mean 0 and deviation 1."""
    grey = images.mean(dim=1, keepdim=True)
    centred = grey - grey.mean(dim=(2, 3), keepdim=True)
    return centred / torch.sqrt(centred.square().mean(dim=(2, 3), keepdim=True) + 1e-5)
