# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The patch-normalised picture beside a descriptor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.models import ModelConfig, build_model
from vpr_ros.models.patch_normalised import PatchNormalised, PatchNormalisedConfig

HEIGHT, WIDTH = 48, 64
SMALL = PatchNormalisedConfig(rows=12, columns=16, window=5, noise_floor=0.1, share=0.25)
MODEL: dict[str, Any] = {
    "backbone": {"name": "nano", "dim": 8, "width": [8, 12, 16, 24]},
    "aggregation": {"name": "netvlad", "clusters": 2},
    "preprocessing": {"height_px": HEIGHT, "width_px": WIDTH},
}


def images(count: int = 2) -> torch.Tensor:
    coarse = torch.rand(count, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bilinear")


def test_every_pixel_is_measured_against_its_own_patch() -> None:
    image = images(1)
    grey = image[0].mean(dim=0).double().numpy()
    grey = (grey - grey.mean()) / np.sqrt(grey.var() + 1e-5)
    small = grey.reshape(12, 4, 16, 4).mean(axis=(1, 3))
    expected = np.empty_like(small)
    for row, column in np.ndindex(small.shape):
        patch = small[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]  # cut off at the border
        expected[row, column] = (small[row, column] - patch.mean()) / np.sqrt(patch.var() + 0.1)
    expected /= np.linalg.norm(expected)
    (found,) = PatchNormalised(SMALL)(image)
    np.testing.assert_allclose(found.numpy(), expected.ravel(), atol=1e-5)


def test_exposure_does_not_show_and_a_shadow_hardly() -> None:
    picture = PatchNormalised(SMALL)
    before = picture(images())
    torch.testing.assert_close(picture(0.4 * images() + 0.3), before, atol=1e-3, rtol=0)
    shaded = images()
    shaded[..., : WIDTH // 2] *= 0.6
    assert (picture(shaded) * before).sum(dim=1).min() > 0.85


def test_another_viewpoint_shows() -> None:
    picture = PatchNormalised(SMALL)
    moved = images().roll(12, dims=3)
    assert (picture(moved) * picture(images())).sum(dim=1).max() < 0.5


def test_blank_images_are_finite() -> None:
    assert PatchNormalised(SMALL)(torch.full((1, 3, HEIGHT, WIDTH), 0.5)).isfinite().all()


def test_what_all_pictures_have_in_common_is_taken_away() -> None:
    picture = PatchNormalised(SMALL)
    pictures = picture.pictures(images(6))
    picture.fit(pictures)
    expected = torch.nn.functional.normalize(pictures - pictures.mean(dim=0), dim=1)
    torch.testing.assert_close(picture(images(6)), expected)


def test_it_stands_beside_the_learned_descriptor_by_its_share() -> None:
    torch.manual_seed(0)
    model = build_model({**MODEL, "whitening_dim": 5, "patch_normalised": {"rows": 12, "columns": 16, "share": 0.25}})
    with torch.no_grad():
        both, learned = model.eval()(images()), model.learned(images())
    assert both.shape == (2, model.descriptor_dim) == (2, 5 + 12 * 16)
    torch.testing.assert_close(both[:, :5], 0.75**0.5 * learned)
    torch.testing.assert_close(both.norm(dim=1), torch.ones(2))


def test_a_config_that_has_it_reads_itself_back() -> None:
    config = ModelConfig.from_mapping({**MODEL, "patch_normalised": {"share": 0.25, "rows": 12, "columns": 16}})
    assert ModelConfig.from_mapping(config.to_mapping()) == config
    assert ModelConfig.from_mapping({**MODEL, "patch_normalised": "None"}).patch_normalised is None


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"window": 4}, "window of 4"),
        ({"window": 13}, "window of 13"),
        ({"share": 1.0}, "share 1"),
        ({"width": 3}, "width"),
    ],
)
def test_numbers_that_make_no_picture_are_refused(wrong: dict[str, Any], found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        build_model({**MODEL, "patch_normalised": {"share": 0.25, "rows": 12, "columns": 16, **wrong}})


def test_the_share_has_no_default() -> None:
    with pytest.raises(ConfigError, match=r"model\.patch_normalised lacks share"):
        ModelConfig.from_mapping({**MODEL, "patch_normalised": {"rows": 12, "columns": 16}})


def test_images_that_cannot_be_divided_are_refused() -> None:
    with pytest.raises(ModelError, match="50x64 pixels for a patch-normalised picture of 12x16"):
        PatchNormalised(SMALL)(torch.rand(1, 3, 50, 64))
