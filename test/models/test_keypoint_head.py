# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Keypoints of cells and their descriptors: where they lie, what is suppressed, which are chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import load_checkpoint, load_weights, save_checkpoint
from vpr_ros.models.keypoint_cells import KeypointCells, positions_px
from vpr_ros.models.keypoint_head import KeypointHead, sampled

VIT = {"name": "vit_tiny_patch16_224", "timm_options": {"depth": 4}}
SIZE = {"height_px": 64, "width_px": 96}


class _Told(KeypointCells):
    """Cells that are told which pixels are keypoints, in place of looking."""

    def __init__(self, heat: Tensor) -> None:
        super().__init__()
        self._heat = heat

    def logits(self, images: Tensor) -> Tensor:
        in_cells = torch.pixel_unshuffle(self._heat, 8)
        return torch.cat([in_cells, (1.0 - in_cells.sum(dim=1, keepdim=True))], dim=1).clamp_min(1e-30).log()


def _heat(*points: tuple[int, int, float]) -> Tensor:
    heat = torch.zeros(1, 1, 16, 24)
    for x, y, value in points:
        heat[0, 0, y, x] = value
    return heat


def test_a_keypoint_lies_where_its_pixel_is_and_between_two() -> None:
    cells = _Told(_heat((3, 2, 0.5), (13, 10, 0.4), (14, 10, 0.2)))
    found = cells(torch.zeros(1, 3, 16, 24))
    assert found.pixels.shape == (1, 6)
    keypoints = positions_px(found, torch.tensor([[0, 4]]))
    np.testing.assert_allclose(keypoints[0], [[3.0, 2.0], [13.0 + 1 / 3, 10.0]], atol=1e-5)
    np.testing.assert_allclose(found.scores[0, [0, 4]], [0.5, 0.4], atol=1e-5)


def test_a_stronger_neighbour_in_the_next_cell_suppresses() -> None:
    found = _Told(_heat((7, 3, 0.5), (9, 3, 0.4), (18, 3, 0.4)))(torch.zeros(1, 3, 16, 24))
    np.testing.assert_allclose(found.scores[0, :3], [0.5, 0.0, 0.4], atol=1e-5)


def test_cells_see_their_own_pixels_whatever_is_left_at_the_edges() -> None:
    torch.manual_seed(0)
    cells = KeypointCells(16).eval()
    images = torch.rand(2, 3, 35, 44)
    assert cells.logits(images).shape == (2, 65, 4, 5)
    found = cells(torch.full((1, 3, 32, 32), 0.5))
    assert torch.isfinite(positions_px(found, torch.arange(16).unsqueeze(0))).all()


@pytest.mark.parametrize("size", [(6, 9), (1, 1), (1, 4)])
def test_descriptors_are_read_between_the_places_of_the_map(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    maps = torch.nn.functional.normalize(torch.randn(2, 5, *size), dim=1)
    height_px, width_px = 14 * size[0], 14 * size[1]
    keypoints = torch.rand(2, 7, 2) * torch.tensor([width_px - 1.0, height_px - 1.0])
    grid = (keypoints + 0.5) * torch.tensor([2.0 / width_px, 2.0 / height_px]) - 1.0
    expected = torch.nn.functional.grid_sample(
        maps, grid.unsqueeze(1), mode="bilinear", padding_mode="border", align_corners=False
    )
    expected = torch.nn.functional.normalize(expected.squeeze(2).transpose(1, 2), dim=2)
    np.testing.assert_allclose(sampled(maps, keypoints, height_px, width_px), expected, atol=1e-5)


def test_the_best_come_first_by_keypoint_and_reliability() -> None:
    head = KeypointHead(3, described=True, dim=2, keypoints=2)
    head.cells = _Told(_heat((3, 2, 0.5), (13, 10, 0.4), (20, 3, 0.3)))
    inner = torch.zeros(1, 3, 2, 3)
    inner[0, 0] = 1.0
    inner[0, 2] = torch.tensor([[-4.0, 0.0, 4.0], [0.0, 4.0, 0.0]])  # the first is not reliable
    chosen = head(torch.zeros(1, 3, 16, 24), inner)
    np.testing.assert_allclose(chosen.keypoints_px[0], [[13.0, 10.0], [20.0, 3.0]], atol=1e-4)
    np.testing.assert_allclose(chosen.scores[0], torch.sigmoid(torch.tensor(4.0)) * torch.tensor([0.4, 0.3]), atol=1e-5)
    np.testing.assert_allclose(chosen.descriptors[0], [[1.0, 0.0], [1.0, 0.0]], atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "aggregation"),
    [({"name": "nano", "dim": 16, "width": [8, 8, 8, 8]}, "gem"), (VIT, "gem"), (VIT, "class_token")],
)
def test_descriptors_are_those_of_the_model_without_the_head(backbone: dict[str, object], aggregation: str) -> None:
    torch.manual_seed(0)
    head = {"name": "keypoints", "dim": 16, "keypoints": 20}
    config = {
        "backbone": backbone,
        "aggregation": {"name": aggregation},
        "local_head": head,
        "preprocessing": SIZE,
    }
    model = build_model(config).eval()
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        descriptors, chosen = model.with_keypoints(images)
        np.testing.assert_allclose(descriptors, model(images), atol=1e-6)
    assert chosen.keypoints_px.shape == (2, 20, 2) and chosen.descriptors.shape == (2, 20, 16)
    assert (chosen.scores[:, :-1] >= chosen.scores[:, 1:]).all()


def test_a_checkpoint_keeps_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = {
        "backbone": {"name": "nano", "dim": 16, "width": [8, 8, 8, 8]},
        "aggregation": {"name": "gem"},
        "local_head": {"name": "keypoints", "dim": 16, "keypoints": 9},
    }
    model = build_model(config).eval()
    path = tmp_path / "model.safetensors"
    save_checkpoint(model, path)
    again = load_checkpoint(path)[0].eval()
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        np.testing.assert_array_equal(again.with_keypoints(images)[1].scores, model.with_keypoints(images)[1].scores)


def test_what_does_not_go_together_is_said() -> None:
    nano = {"backbone": {"name": "nano"}, "aggregation": {"name": "gem"}}
    with pytest.raises(ConfigError, match="dim=32 of a local head over a backbone with 64 numbers"):
        build_model({**nano, "local_head": {"name": "keypoints", "dim": 32}})
    with pytest.raises(ConfigError, match="keypoints=0 of a local head"):
        build_model({**nano, "local_head": {"name": "keypoints", "keypoints": 0}})
    with pytest.raises(ConfigError, match="keypoints over a CnnBackbone"):
        build_model({"backbone": {"name": "vgg16"}, "local_head": {"name": "keypoints"}})
    with pytest.raises(ConfigError, match="inner_block=9 of a backbone with 4"):
        build_model({"backbone": {**VIT, "inner_block": 9}, "local_head": {"name": "keypoints"}})
    with pytest.raises(ConfigError, match="has no local head of keypoints"):
        build_model(nano).with_keypoints(torch.zeros(1, 3, 64, 64))


def test_a_model_without_a_head_takes_the_weights_of_one_with_it(tmp_path: Path) -> None:
    """A recipe written before the shipped model had one goes on working."""
    plain = {"backbone": {"name": "nano", "dim": 16, "width": [8, 8, 8, 8]}, "aggregation": {"name": "gem"}}
    model = build_model({**plain, "local_head": {"name": "keypoints", "dim": 16}}).eval()
    save_checkpoint(model, tmp_path / "model.safetensors")
    without = build_model(plain).eval()
    load_weights(without, tmp_path / "model.safetensors")
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(without(images), model(images))
