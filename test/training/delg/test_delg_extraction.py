# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DELG's features of an image against the authors' numbers: boxes, suppression, scales; and what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_delg_recipe import MODEL

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import PlaceModel, build_model
from vpr_ros.training.delg.extraction import (
    Boxes,
    DelgExtractor,
    Extraction,
    over_scales,
    receptive_boxes,
    suppressed,
)

GOLDEN = Path(__file__).parents[2] / "data" / "golden"


def model() -> PlaceModel:
    torch.manual_seed(0)
    return build_model(MODEL).eval()


def picture(height: int = 96, width: int = 160) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("stride", [32, 16])
def test_boxes_and_centres_are_the_golden_ones(stride: int) -> None:
    golden = np.load(GOLDEN / "delg_receptive_boxes.npz", allow_pickle=False)
    rows, columns = golden["hw"].tolist()
    boxes = receptive_boxes(rows, columns, stride, 291, 145)
    both = torch.cat([boxes.corner_yx, boxes.far_corner_yx], dim=1)
    np.testing.assert_array_equal(both, golden[f"boxes_stride{stride}"])
    np.testing.assert_array_equal(boxes.centre_yx, golden[f"centers_stride{stride}"])
    if stride == 32:
        rescaled = boxes.centre_yx / float(golden["scale_example"])
        np.testing.assert_allclose(rescaled, golden["centers_rescaled"], rtol=1e-6)


@pytest.mark.parametrize("overlap", [0.5, 0.8, 1.0])
def test_suppression_is_the_golden_one(overlap: float) -> None:
    golden = np.load(GOLDEN / "delg_nms.npz", allow_pickle=False)
    corners = torch.from_numpy(golden["boxes_yxyx"])
    kept = suppressed(Boxes(corners[:, :2], corners[:, 2:]), torch.from_numpy(golden["scores"]), overlap)
    np.testing.assert_array_equal(kept, golden[f"keep_iou{overlap}".replace(".", "_")])


def test_scales_are_averaged_as_in_the_golden_file() -> None:
    golden = np.load(GOLDEN / "delg_global.npz", allow_pickle=False)
    np.testing.assert_allclose(over_scales(torch.from_numpy(golden["scales_raw"])), golden["multiscale"], atol=1e-6)


def test_the_descriptor_at_one_scale_is_the_models() -> None:
    network, image = model(), picture()
    found = DelgExtractor(network, Extraction(global_scales=(1.0,))).descriptor(image)
    with torch.no_grad():
        expected = network(torch.from_numpy(image.copy()).permute(2, 0, 1).unsqueeze(0) / 255.0)[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_threshold_of_the_checkpoint_selects_and_the_best_come_first() -> None:
    network = model()
    everything = DelgExtractor(network, Extraction(threshold=0.0)).local(picture())
    network.local_head.threshold.fill_(float(np.median(everything.scores)))
    some = DelgExtractor(network).local(picture())
    assert 0 < len(some.scores) < len(everything.scores)
    assert some.scores.min() >= network.local_head.threshold.item()
    assert np.all(np.diff(some.scores) <= 0)
    np.testing.assert_allclose(np.linalg.norm(some.descriptors, axis=1), 1.0, atol=1e-5)
    few = DelgExtractor(network, Extraction(most=5)).local(picture())
    np.testing.assert_array_equal(few.points_yx_px, some.points_yx_px[:5])


def test_keypoints_are_in_pixels_of_the_image_as_it_was_given() -> None:
    """96 x 160 is made half as large: places at stride 16 then lie 32 pixels apart."""
    settings = Extraction(longest_side_px=80, local_scales=(1.0,), threshold=0.0)
    found = DelgExtractor(model(), settings).local(picture())
    assert sorted(set(found.points_yx_px[:, 0].tolist())) == [0.0, 32.0, 64.0]
    assert sorted(set(found.points_yx_px[:, 1].tolist())) == [0.0, 32.0, 64.0, 96.0, 128.0]
    cut = DelgExtractor(model(), settings).local(picture(), share_of_limit=0.5)
    assert found.points_yx_px.max() == cut.points_yx_px.max() == 128.0
    assert len(cut.scores) == 2 * 3


def test_suppression_leaves_fewer() -> None:
    kept = [
        len(DelgExtractor(model(), Extraction(threshold=0.0, overlap=o)).local(picture()).scores) for o in (0.7, 1.0)
    ]
    assert 0 < kept[0] < kept[1]


def test_an_image_of_a_few_pixels_has_no_features() -> None:
    extractor = DelgExtractor(model(), Extraction(threshold=0.0))
    assert len(extractor.local(picture(4, 4)).scores) == 0
    with pytest.raises(ConfigError, match="4x4 pixels: under 10 at any scale"):
        extractor.descriptor(picture(4, 4))


def test_a_model_without_a_local_head_is_refused() -> None:
    with pytest.raises(ConfigError, match="no local head"):
        DelgExtractor(build_model({**MODEL, "local_head": None}))
