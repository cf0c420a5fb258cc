# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which parameters train, by the name of a policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.place_model import PlaceModel

POLICIES = {
    "none": "everything trains",
    "backbone": "the backbone is frozen, what follows it trains",
    "all": "nothing trains",
    "blocks>=N": "of the backbone only transformer blocks from N on train; its final norm does not (SuperVLAD: N=8)",
    "blocks>N": "of the backbone only blocks after N train (CCT recipes: N=1)",
    "conv5": "of VGG16 only conv5_1 to conv5_3 train (NetVLAD)",
    "layer>=N": "of a ResNet only layerN and later ones train",
}
VGG16_CONV5_1 = 24
"""Index of conv5_1 in torchvision's list of layers."""

_NUMBERED = re.compile(r"(blocks|layer)(>=|>)(\d+)")


def freeze(model: PlaceModel, policy: str) -> int:
    """Set ``requires_grad`` of every parameter; a policy replaces what an earlier one did.

    The exponent of a GeM built with ``learn_p=False`` stays fixed.

    Args:
        model: the model to change.
        policy: one of ``POLICIES``, with N a number.

    Returns:
        How many numbers train.

    Raises:
        ConfigError: an unknown policy, or one that does not fit the backbone.
    """
    trains = _backbone_rule(model.backbone, policy)
    for name, parameter in model.backbone.named_parameters():
        parameter.requires_grad_(trains(name))
    for name, parameter in model.named_parameters():
        if not name.startswith("backbone.") and name not in _fixed_by_config(model):
            parameter.requires_grad_(policy != "all")
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def keep_statistics(model: PlaceModel, everywhere: bool = False) -> None:
    """Put batch norms in eval mode, so that they use the statistics they have and do not change them.

    Call it after every ``train()``, which puts them back.

    Args:
        model: the model to change.
        everywhere: every batch norm; else those whose weights do not train, which are not frozen without it.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            weights = list(module.parameters())
            if everywhere or (weights and not any(weight.requires_grad for weight in weights)):
                module.eval()


@dataclass(frozen=True)
class _Rule:
    """Backbone parameters whose name holds a number of at least *first*."""

    pattern: re.Pattern[str]
    first: int

    def __call__(self, name: str) -> bool:
        found = self.pattern.search(name)
        return found is not None and int(found.group(1)) >= self.first


def _backbone_rule(backbone: nn.Module, policy: str) -> Callable[[str], bool]:
    if policy in ("none", "backbone", "all"):
        return lambda _name: policy == "none"
    rule = _numbered_rule(policy)
    names = [name for name, _ in backbone.named_parameters()]
    if not any(rule.pattern.search(name) for name in names):
        raise ConfigError(
            f"freezing policy {policy!r} does not fit the backbone, whose parameters have names like {names[0]}",
            "Choose none, backbone or all, or the policy of this kind of network",
        )
    if not any(rule(name) for name in names):
        raise ConfigError(
            f"freezing policy {policy!r} leaves nothing of the backbone to train", "Say 'backbone' instead"
        )
    return rule


def _numbered_rule(policy: str) -> _Rule:
    if policy == "conv5":
        return _Rule(re.compile(r"^net\.(\d+)\."), VGG16_CONV5_1)
    found = _NUMBERED.fullmatch(policy.replace(" ", ""))
    if found is None:
        raise ConfigError(f"unknown freezing policy {policy!r}", f"Known ones are {', '.join(POLICIES)}")
    part, comparison, number = found.groups()
    pattern = r"(?:^|\.)blocks\.(\d+)\." if part == "blocks" else r"(?:^|\.)layer(\d+)\."
    return _Rule(re.compile(pattern), int(number) + (comparison == ">"))


def _fixed_by_config(model: PlaceModel) -> set[str]:
    learns = model.config.aggregation.options.get("learn_p", True)
    return set() if learns else {"aggregation.p"}
