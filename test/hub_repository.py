# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A stand-in for a ``torch.hub`` repository: networks that do what the published ones do, at a size for tests."""

from __future__ import annotations

from pathlib import Path

HUBCONF = '''
import torch
from torch.nn import functional

dependencies = ["torch"]


class Resampled(torch.nn.Module):
    """Patches whose learned positions are resampled to the image's size in every run, as in DINOv2's own code."""

    def __init__(self, dim, side=37):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, dim, 14, 14)
        self.positions = torch.nn.Parameter(torch.randn(1, side * side, dim))
        self.block = torch.nn.TransformerEncoderLayer(dim, 2, 2 * dim, dropout=0.0, batch_first=True)
        self.side = side

    def forward(self, images):
        tokens = self.patches(images)
        rows, columns = tokens.shape[2:]
        table = self.positions.reshape(1, self.side, self.side, -1).permute(0, 3, 1, 2)
        scale = (rows + 0.1) / self.side, (columns + 0.1) / self.side
        tokens = tokens + functional.interpolate(table, scale_factor=scale, mode="bicubic")
        tokens = self.block(tokens.flatten(2).transpose(1, 2))
        return functional.normalize(tokens, dim=2).mean(dim=1), tokens


class Coupled(torch.nn.Module):
    """Lets the images of a batch look at each other."""

    def __init__(self, dim):
        super().__init__()
        self.backbone = Resampled(dim)
        self.encoder = torch.nn.TransformerEncoderLayer(dim, 2, 2 * dim, batch_first=False)

    def forward(self, images):
        return self.encoder(self.backbone(images)[0][:, None])[:, 0]


def resampled(dim=16, words=None):
    torch.manual_seed(0)
    return Resampled(dim)


def coupled(dim=16):
    torch.manual_seed(0)
    return torch.nn.DataParallel(Coupled(dim))


def pooled(pretrained=False):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())


def feature_map(pretrained=False):
    return torch.nn.Conv2d(3, 8, 3)
'''


def write_hub_repository(folder: Path) -> Path:
    """Write the repository as *folder*."""
    folder.mkdir(parents=True)
    (folder / "hubconf.py").write_text(HUBCONF)
    return folder
