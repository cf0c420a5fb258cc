# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a place model says about itself, exported or not."""

from __future__ import annotations

from dataclasses import asdict

from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models.place_model import PlaceModel


def info_of(model: PlaceModel, preprocessing: Preprocessing | None = None, version: str = "") -> ModelInfo:
    """Describe *model* as each image by itself runs through it in fp32.

    Args:
        model: its config names the parts.
        preprocessing: other than the one in the model's config.
        version: for people.
    """
    config = model.config
    return ModelInfo(
        name=config.name,
        version=version,
        preprocessing=preprocessing or config.preprocessing,
        descriptor_dim=model.descriptor_dim,
        aggregation={"name": config.aggregation.name, **config.aggregation.options},
        patch_normalised=None if config.patch_normalised is None else asdict(config.patch_normalised),
        cross_image="none" if model.cross_image is None else "single",
    )
