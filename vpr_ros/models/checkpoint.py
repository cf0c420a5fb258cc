# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Our checkpoint: one safetensors file with the weights, and the config that built them as metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ConfigError, ModelError, TrainingError
from vpr_ros.core.files import parse_json
from vpr_ros.models.build import build_model
from vpr_ros.models.config import ModelConfig
from vpr_ros.models.place_model import PlaceModel

CONFIG_KEY = "vpr_ros.config"
RECIPE_KEY = "vpr_ros.recipe"
FORMAT_KEY = "vpr_ros.format"
FORMAT_VERSION = 1
SHOWN = 4


@dataclass(frozen=True)
class Recipe:
    """Which training made the weights.

    Attributes:
        name: of the recipe file, or where the weights come from.
        sha256: of the recipe file; empty for weights that were not trained here.
    """

    name: str = ""
    sha256: str = ""


def save_checkpoint(model: PlaceModel, path: Path, recipe: Recipe | None = None) -> None:
    """Write the model whole or not at all.

    Raises:
        TrainingError: the file cannot be written; an older one is left as it was.
    """
    recipe = recipe or Recipe()
    metadata = {
        FORMAT_KEY: str(FORMAT_VERSION),
        CONFIG_KEY: json.dumps(model.config.to_mapping(), sort_keys=True),
        RECIPE_KEY: json.dumps({"name": recipe.name, "sha256": recipe.sha256}),
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    with new_file(path, TrainingError) as part:
        part.write_bytes(save(tensors, metadata))  # save_file would let nobody else read it


def load_checkpoint(path: Path) -> tuple[PlaceModel, Recipe]:
    """Build the model a checkpoint describes and load its weights strictly.

    Raises:
        TrainingError: no checkpoint of ours, a newer one, or weights that do not fit their own config.
    """
    metadata, tensors = _read(path)
    try:
        config = ModelConfig.from_mapping({**parse_json(metadata[CONFIG_KEY], CONFIG_KEY)})
        recipe = Recipe(**parse_json(metadata.get(RECIPE_KEY, "{}"), RECIPE_KEY))
        model = build_model(_without_download(config))
    except (ConfigError, ModelError, ValueError, TypeError) as error:
        raise TrainingError(
            f"checkpoint {path} holds a config this software cannot build ({error})", "Update vpr_ros"
        ) from error
    load_strictly(model, tensors, str(path))
    return model, recipe


def load_weights(model: PlaceModel, path: Path) -> None:
    """Load a checkpoint's weights into a model that exists; a local head that it does not have is left out.

    Raises:
        TrainingError: the checkpoint is of another model; the message says what differs. The model is unchanged.
    """
    tensors = _read(path)[1]
    if model.local_head is None:
        tensors = {key: value for key, value in tensors.items() if not key.startswith("local_head.")}
    load_strictly(model, tensors, str(path))


def load_backbone(model: PlaceModel, path: Path) -> None:
    """Load the backbone of a checkpoint under any aggregation; blocks the model does not keep are left out.

    Raises:
        TrainingError: the checkpoint has another backbone; the message says what differs. The model is unchanged.
    """
    prefix = "backbone."
    own = model.backbone.state_dict()
    tensors = {key.removeprefix(prefix): value for key, value in _read(path)[1].items() if key.startswith(prefix)}
    kept = {key: value for key, value in tensors.items() if key in own or not _cut_off(key, own)}
    load_strictly(model.backbone, kept, f"the backbone in {path}")


def _cut_off(key: str, own: Mapping[str, torch.Tensor]) -> bool:
    """Whether *key* is of a transformer block behind the last one of *own*."""
    blocks, mark, rest = key.partition("blocks.")
    stem = blocks + mark
    kept = {name.removeprefix(stem).split(".")[0] for name in own if mark and name.startswith(stem)}
    number = rest.split(".")[0]
    return bool(kept) and number.isdigit() and int(number) >= len(kept)


def load_strictly(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor], origin: str) -> None:
    """Load a state dict that must fit exactly.

    Raises:
        TrainingError: names or shapes differ; the model is unchanged.
    """
    own = model.state_dict()
    differences = (
        [f"{key} is missing" for key in own if key not in tensors]
        + [f"{key} is not known" for key in tensors if key not in own]
        + [
            f"{key} is {tuple(tensors[key].shape)}, expected {tuple(value.shape)}"
            for key, value in own.items()
            if key in tensors and tensors[key].shape != value.shape
        ]
    )
    if differences:
        shown = "; ".join(differences[:SHOWN]) + ("; ..." if len(differences) > SHOWN else "")
        raise TrainingError(
            f"{origin} is a checkpoint of another model: {len(differences)} tensors differ from this one's {len(own)} "
            f"({shown})",
            "Use the config the checkpoint was trained with, or train from the start",
        )
    model.load_state_dict(dict(tensors), strict=True)


def _read(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    if not path.is_file():
        raise TrainingError(f"no checkpoint {path}", "Check the path")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # not a mapping
    except (safetensors.SafetensorError, OSError) as error:
        raise TrainingError(
            f"{path} is no checkpoint of vpr_ros ({error})", "Convert published weights with `convert_checkpoint`"
        ) from error
    if CONFIG_KEY not in metadata:
        raise TrainingError(f"{path} holds weights without a vpr_ros config", "Give a checkpoint written by vpr_ros")
    if int(metadata.get(FORMAT_KEY, "0")) > FORMAT_VERSION:
        raise TrainingError(
            f"{path} has format {metadata[FORMAT_KEY]}, this software knows up to {FORMAT_VERSION}", "Update vpr_ros"
        )
    return metadata, tensors


def _without_download(config: ModelConfig) -> ModelConfig:
    """Its weights are in the file: nothing is to be fetched."""
    mapping = config.to_mapping()
    mapping["backbone"]["pretrained"] = False
    return ModelConfig.from_mapping(mapping)
