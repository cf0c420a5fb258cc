# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a model is made of: typed, checked, and kept inside every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models.cross_image import CrossImageMode
from vpr_ros.models.patch_normalised import PatchNormalisedConfig


@dataclass(frozen=True)
class BackboneConfig:
    """The part that turns an image into tokens.

    Attributes:
        name: dinov2_s, dinov2_b, dinov2_l, vgg16, cct14_7x2_384, nano, mobilenet_stages, or the name of any timm model.
        pretrained: fetch the weights published under that name; never done unless asked for.
        options: of the chosen backbone, e.g. {"stage": "layer3"} of a ResNet or {"blocks": 8} of a CCT.
    """

    name: str = "dinov2_b"
    pretrained: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AggregationConfig:
    """The part that turns tokens into a descriptor.

    Attributes:
        name: supervlad, netvlad, gem, stage_gem, class_token, mean, or one registered beside them.
        options: arguments of the chosen aggregation, e.g. {"clusters": 4, "ghost_clusters": 1}.
    """

    name: str = "supervlad"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LocalHeadConfig:
    """The part that describes single places of the image, see ``DelgHead`` and ``KeypointHead``.

    Attributes:
        name: delg, keypoints, or one registered beside them.
        options: of the chosen head, e.g. {"dim": 128}.
    """

    name: str = "delg"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CrossImageConfig:
    """The cross-image encoder (docs/methods.md 1.3); see ``CrossImageEncoder``.

    Attributes:
        mode: "batch" couples the images of a batch, "single" encodes each as if alone.
        heads, feedforward_dim, layers, dropout: of the transformer encoder.
    """

    mode: CrossImageMode = "batch"
    heads: int = 16
    feedforward_dim: int = 2048
    layers: int = 2
    dropout: float = 0.1


@dataclass(frozen=True)
class ModelConfig:
    """A whole model.

    Attributes:
        name: for people, reports and the exported file.
        backbone, aggregation: see there.
        cross_image: None for a model whose descriptors depend on their own image alone.
        whitening_dim: size of the PCA-whitened descriptor, None for none.
        patch_normalised: a small picture beside the learned descriptor; see ``PatchNormalised``. None for none.
        preprocessing: how images enter; its size is the default of training, evaluation and export.
        local_head: local features beside the descriptor, None for none.
    """

    name: str = "place_model"
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    aggregation: AggregationConfig = field(default_factory=AggregationConfig)
    cross_image: CrossImageConfig | None = None
    whitening_dim: int | None = None
    patch_normalised: PatchNormalisedConfig | None = None
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(224, 224))
    local_head: LocalHeadConfig | None = None

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> ModelConfig:
        """Read a recipe's ``model`` section; options of backbone and aggregation stand beside their names.

        Raises:
            ConfigError: an unknown key, or a section that is not a mapping.
        """
        entries = _known(mapping, cls, "model")
        for key in ("cross_image", "whitening_dim", "patch_normalised", "local_head"):
            if str(entries.get(key)).lower() in ("none", "null"):  # LightningCLI passes null as the text "None"
                entries[key] = None
        if entries.get("local_head", ...) is None:
            del entries["local_head"]
        parts = (("backbone", BackboneConfig), ("aggregation", AggregationConfig), ("local_head", LocalHeadConfig))
        for key, section in parts:
            if key in entries:
                entries[key] = _with_options(section, entries[key], f"model.{key}")
        for key, plain in (("cross_image", CrossImageConfig), ("patch_normalised", PatchNormalisedConfig)):
            if entries.get(key) is not None:
                entries[key] = _section(plain, entries[key], f"model.{key}")
        if "preprocessing" in entries:
            entries["preprocessing"] = _preprocessing(entries["preprocessing"])
        return cls(**entries)

    def to_mapping(self) -> dict[str, Any]:
        """Return plain containers that ``from_mapping`` reads back."""
        entries = asdict(self)
        if self.local_head is None:
            del entries["local_head"]  # configs of models without one are as they were
        for key in {"backbone", "aggregation", "local_head"} & set(entries):
            options = entries[key].pop("options")
            entries[key] = {**entries[key], **options}
        entries["preprocessing"] |= {key: list(entries["preprocessing"][key]) for key in ("mean", "std")}
        return entries


def _known(mapping: Any, cls: type[Any], where: str) -> dict[str, Any]:
    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{where} is {mapping!r}", "Expected a mapping of names to values")
    known = {f.name for f in fields(cls)}
    unknown = sorted(set(mapping) - known)
    if unknown:
        raise ConfigError(
            f"unknown keys in {where}: {', '.join(unknown)}", f"Known keys are {', '.join(sorted(known))}"
        )
    return dict(mapping)


def _section(cls: type[Any], value: Any, where: str) -> Any:
    if isinstance(value, cls):
        return value
    entries = _known(value, cls, where)
    required = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in required if name not in entries]
    if missing:
        raise ConfigError(f"{where} lacks {', '.join(missing)}", "State it: there is no default that fits every model")
    return cls(**entries)


def _with_options(cls: type[Any], value: Any, where: str) -> Any:
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is {value!r}", "Expected a mapping with at least a name")
    names = {f.name for f in fields(cls)} - {"options"}
    named = {key: value[key] for key in value if key in names}
    options = {key: value[key] for key in value if key not in names and key != "options"}
    return cls(**named, options={**value.get("options", {}), **options})


def _preprocessing(value: Any) -> Preprocessing:
    if isinstance(value, Preprocessing):
        return value
    entries = _known(value, Preprocessing, "model.preprocessing")
    missing = sorted({"height_px", "width_px"} - set(entries))
    if missing:
        raise ConfigError(f"model.preprocessing lacks {', '.join(missing)}", "State the size of the network's input")
    for key in ("mean", "std"):
        if key in entries:
            entries[key] = tuple(float(v) for v in entries[key])
    return Preprocessing(**entries)
