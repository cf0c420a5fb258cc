# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The model inside a Lightning checkpoint of ours, without its optimiser and without unpickling anything."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch

from vpr_ros.core.errors import TrainingError
from vpr_ros.models import ModelConfig, PlaceModel, build_model
from vpr_ros.models.checkpoint import load_checkpoint, load_strictly
from vpr_ros.training.recipe_module import MODEL_CONFIG_KEY

_PREFIX = "model."


def load_model(path: Path) -> PlaceModel:
    """Load ``*.ckpt`` of a run, or any other file as a vpr_ros checkpoint (``*.safetensors``).

    Raises:
        TrainingError: no checkpoint of ours, or a damaged one.
    """
    if path.suffix != ".ckpt":
        return load_checkpoint(path)[0]
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise TrainingError(f"{path} cannot be read ({error})", "Give a checkpoint written by `train`") from error
    if not isinstance(stored, dict) or MODEL_CONFIG_KEY not in stored:
        raise TrainingError(f"{path} holds no vpr_ros model", "Give a checkpoint written by `train`")
    mapping = stored[MODEL_CONFIG_KEY]
    mapping["backbone"] = {**mapping["backbone"], "pretrained": False}  # its weights are in the file
    model = build_model(ModelConfig.from_mapping(mapping))
    tensors = {k.removeprefix(_PREFIX): v for k, v in stored["state_dict"].items() if k.startswith(_PREFIX)}
    load_strictly(model, tensors, str(path))
    return model
