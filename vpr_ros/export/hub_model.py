# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A ``torch.hub`` model of somebody else, ready to be exported."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vpr_ros.core.errors import ConfigError, ExportError
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.exportable import Exportable

HUBCONF = "hubconf.py"
COUPLED = 1e-3
"""Distance of two unit vectors of one image, alone and beside another, that rounding does not explain."""


@dataclass(frozen=True)
class HubEntry:
    """Which model of which repository.

    Attributes:
        repository: a local folder with a hubconf.py, else "owner/name[:ref]" on GitHub.
        entry: name of the entry point.
        arguments: what the entry point is called with.
        trust: run the code of a GitHub repository that was not used before; a local folder is always trusted.
    """

    repository: str
    entry: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trust: bool = False

    @property
    def called(self) -> str:
        """The call, for people."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.entry}({arguments}) of {self.repository}"

    def load(self) -> nn.Module:
        """Call the entry point.

        Raises:
            ExportError: there is no such folder or repository, or what comes back is no network.
        """
        folder = Path(self.repository).expanduser()
        is_local = (folder / HUBCONF).is_file()
        if not is_local and (folder.is_dir() or not _may_be_on_github(self.repository)):
            raise ExportError(
                f"{self.repository} has no {HUBCONF}" if folder.is_dir() else f"no folder {self.repository}",
                f"Give a local folder with a {HUBCONF}, or owner/name of a GitHub repository",
            )
        try:
            if is_local:
                net: Any = torch.hub.load(str(folder), self.entry, source="local", **self.arguments)
            else:
                trust = self.trust or "check"
                net = torch.hub.load(self.repository, self.entry, source="github", trust_repo=trust, **self.arguments)
        except Exception as error:  # foreign code and the network
            where = "" if is_local else " on GitHub, there is no such folder here"
            raise ExportError(
                f"torch.hub cannot load {self.called}{where} ({type(error).__name__}: {error})",
                f"Check the names, --hub-argument and the network, or give a local folder with a {HUBCONF}",
            ) from error
        if not isinstance(net, nn.Module):
            raise ExportError(f"{self.called} is a {type(net).__name__}, expected a torch module", "Choose another")
        return net.module if isinstance(net, nn.DataParallel) else net


class HubModel(nn.Module):
    """Any network that maps an image to a vector; the vector is normalised here.

    Args:
        net: (B, 3, H, W) -> (B, D), or a tuple whose first entry is that.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D), L2-normalised."""
        result: Any = self.net(images)
        vector: Tensor = result[0] if isinstance(result, tuple | list) else result
        return functional.normalize(vector, dim=1)


class OneAtATime(nn.Module):
    """Shows a network each image alone: what it says of one depends on those beside it, which a robot has not."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D)."""
        return torch.cat([self.net(image) for image in images.split(1)])


def exportable_hub_model(hub: HubEntry, preprocessing: Preprocessing, name: str = "") -> Exportable:
    """Load a ``torch.hub`` model and check that it maps an image to a vector.

    One whose descriptors depend on the other images of a batch is exported for one image at a time.

    Args:
        hub: which.
        preprocessing: what the network expects; a hub model does not say.
        name: of the model; empty takes the entry point's.

    Raises:
        ExportError: it cannot be loaded, or gives something else than one vector per image.
    """
    module: nn.Module = HubModel(hub.load()).eval()
    shape = 1, 3, preprocessing.height_px, preprocessing.width_px
    pair = torch.cat((torch.zeros(shape), torch.rand(shape, generator=torch.Generator().manual_seed(0))))
    try:
        with torch.no_grad():
            alone, together = module(pair[:1]), module(pair)
    except Exception as error:  # foreign code
        raise ExportError(
            f"{hub.called} fails on {preprocessing.height_px}x{preprocessing.width_px} images ({error})",
            "Give the input size it expects with --size HEIGHTxWIDTH",
        ) from error
    if alone.ndim != 2:
        raise ExportError(
            f"{hub.called} gives a tensor of shape {tuple(alone.shape)}, expected (B, D)",
            "Choose an entry point that maps an image to one vector",
        )
    is_coupled = bool((alone - together[:1]).norm() > COUPLED)
    info = ModelInfo(
        name=name or hub.entry,
        version="1",
        preprocessing=preprocessing,
        descriptor_dim=int(alone.shape[1]),
        aggregation={"name": "torch_hub"},
        cross_image="single" if is_coupled else "none",
        recipe=f"torch.hub {hub.called}",
    )
    return Exportable(OneAtATime(module), info, images_at_once=1) if is_coupled else Exportable(module, info)


def hub_arguments(words: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE as it is written in Python; what is no such value is a text.

    Raises:
        ConfigError: a word without "=", or whose name is none or is there twice.
    """
    arguments: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.isidentifier() or name in arguments:
            wrong = "is given twice" if name in arguments else "is not NAME=VALUE"
            raise ConfigError(f"--hub-argument {word} {wrong}", "Give for example --hub-argument backbone=ResNet18")
        try:
            arguments[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            arguments[name] = text
    return arguments


def _may_be_on_github(repository: str) -> bool:
    owner, _, name = repository.partition(":")[0].partition("/")
    return bool(owner and name) and not owner.startswith((".", "~")) and "/" not in name
