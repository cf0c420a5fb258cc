# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A tiny vision transformer and a folder of images to export it with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from optional_parts import imports_of_optional_parts

with imports_of_optional_parts():
    import torch

    from vpr_ros.export.images import ImageFolder
    from vpr_ros.models import PlaceModel, build_model

TINY = {
    "name": "tiny",
    "backbone": {"name": "dinov2_s", "timm_options": {"embed_dim": 32, "depth": 2, "num_heads": 2}},
    "aggregation": {"name": "supervlad", "clusters": 2, "ghost_clusters": 1},
    "preprocessing": {"height_px": 56, "width_px": 84},
}


@pytest.fixture
def tiny() -> PlaceModel:
    torch.manual_seed(0)
    return build_model(TINY).eval()


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:03d}.png"), cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC))
    return folder


@pytest.fixture
def images(image_folder: Path) -> ImageFolder:
    return ImageFolder.open(image_folder)
