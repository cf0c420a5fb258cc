# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The two branches of StructVPR: three stages pooled side by side, over RGB or over a label map."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from golden import close
from torch import nn

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import build_model
from vpr_ros.models.freezing import freeze
from vpr_ros.models.mobilenet_stages import over_channels
from vpr_ros.models.stage_gem import StageGeM

STUDENT: dict[str, Any] = {
    "backbone": {"name": "mobilenet_stages"},
    "aggregation": {"name": "stage_gem", "learn_p": False},
    "preprocessing": {"height_px": 64, "width_px": 96},
}
TEACHER: dict[str, Any] = {**STUDENT, "backbone": {"name": "mobilenet_stages", "in_channels": 6}}


@pytest.mark.parametrize(("config", "channels"), [(STUDENT, 3), (TEACHER, 6)], ids=["rgb", "labels"])
def test_the_descriptor_has_32_and_96_and_320_numbers(config: dict[str, Any], channels: int) -> None:
    model = build_model(config).eval()
    images = torch.rand(2, channels, 64, 96)
    with torch.no_grad():
        maps = model.backbone.pyramid(images)
        descriptors = model(images)
    assert [tuple(m.shape[1:]) for m in maps] == [(32, 8, 12), (96, 4, 6), (320, 2, 3)]
    assert model.descriptor_dim == 448
    parts = [m.clamp(min=1e-6).pow(3).mean(dim=(2, 3)).pow(1 / 3) for m in maps]
    expected = torch.cat(parts, dim=1)
    close(descriptors, expected / expected.norm(dim=1, keepdim=True))
    assert model.backbone.grid(64, 96) == (2, 3)


def test_a_fixed_exponent_stays_fixed() -> None:
    model = build_model(STUDENT)
    freeze(model, "none")
    assert not model.aggregation.p.requires_grad
    assert StageGeM((2, 3)).p.requires_grad


def test_channels_of_a_label_map_start_with_the_mean_of_the_filters() -> None:
    old = nn.Conv2d(3, 4, 3, 2, 1, bias=False)
    new = over_channels(old, 6)
    grey = torch.rand(1, 1, 8, 8)
    # an image with the same value in all channels gives what it gave, by the number of channels
    close(new(grey.expand(-1, 6, -1, -1)) / 6, old(grey.expand(-1, 3, -1, -1)) / 3)
    assert new(grey.expand(-1, 6, -1, -1)).shape == (1, 4, 4, 4)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"width 0\.75"):
        build_model({**STUDENT, "backbone": {"name": "mobilenet_stages", "width": 0.75}})
    with pytest.raises(ConfigError, match=r"stage_gem.*without a pyramid.*mobilenet_stages"):
        build_model({**STUDENT, "backbone": {"name": "nano"}})
