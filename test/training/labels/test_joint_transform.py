# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import numpy as np
import pytest
import torch

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.training.labels.joint_transform import JointTransform, prepared
from vpr_ros.training.labels.one_hot import OUTSIDE
from vpr_ros.training.transforms import Augmentation, CropRange, TrainTransform

PLAIN = Preprocessing(64, 96, aspect="crop", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
MOVING = {"Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"}
WHOLE, WINDOW = Augmentation(2, 15), Augmentation(2, 15, CropRange(area=(0.3, 1.0)))


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A map of large patches, and an image that shows 40 times its numbers."""
    groups = np.kron(np.random.default_rng(0).integers(1, 6, (6, 8)), np.ones((20, 20))).astype(np.uint8)
    return np.stack([groups * 40] * 3, axis=-1), groups


@pytest.mark.parametrize("augmentation", [WHOLE, WINDOW], ids=["whole", "window"])
def test_image_and_map_move_together_and_the_image_as_without_map(augmentation: Augmentation) -> None:
    image, groups = scene()
    joint, alone = JointTransform(PLAIN, augmentation), TrainTransform(PLAIN, augmentation)
    compared = moved = 0
    for seed in range(60):
        tensor, labels = joint(image, groups, seed)
        again, moves = alone.with_moves(image, seed)
        assert torch.equal(tensor, again)
        assert labels.dtype == torch.uint8
        assert set(labels.unique().tolist()) <= {1, 2, 3, 4, 5, OUTSIDE}
        names = {name for name, _ in moves.operations}
        if names <= MOVING:  # else the colours changed too
            compared += 1
            moved += OUTSIDE in labels
            shown = torch.where(labels == OUTSIDE, 0, labels.int() * 40).float()
            off = ((tensor[0] * 255 - shown).abs() > 25).float().mean()
            assert off < 0.12, f"more than the seams differ after {moves}"
    assert compared > 5
    assert moved > 3


def test_without_augmentation_the_map_shows_the_same_window() -> None:
    image, groups = scene()
    tensor, labels = prepared(PLAIN, image, groups)
    assert tensor.shape == (3, 64, 96)
    assert ((tensor[0] * 255 - labels.float() * 40).abs() > 25).float().mean() < 0.1


def test_another_size_is_refused() -> None:
    image, groups = scene()
    with pytest.raises(TrainingError, match=r"image of \(120, 160\) pixels has a label map of \(119, 160\)"):
        JointTransform(PLAIN, WHOLE)(image, groups[1:], 0)
