# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The cross-image encoder in both modes."""

from __future__ import annotations

import pytest
import torch
from golden import close, golden

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import CrossImageEncoder


@pytest.fixture
def encoder() -> CrossImageEncoder:
    reference = golden("crossimage_encoder_small")
    made = CrossImageEncoder(dim=64, heads=16, feedforward_dim=128)
    made.load_state_dict({k: v for k, v in reference.items() if k.startswith("encoder.")}, strict=True)
    return made.eval()


def test_batch_mode_couples_the_images_as_published(encoder: CrossImageEncoder) -> None:
    reference = golden("crossimage_encoder_small")
    with torch.no_grad():
        close(encoder(reference["x"]), reference["out_batch6"], atol=2e-6)
        close(encoder(reference["x"][:3]), reference["out_batch3_first3"], atol=2e-6)
        close(encoder(reference["x"].flatten(1)), reference["out_batch6"], atol=2e-6)


def test_single_mode_is_every_image_alone(encoder: CrossImageEncoder) -> None:
    reference = golden("crossimage_encoder_small")
    with torch.no_grad():
        alone = torch.cat([encoder(image[None]) for image in reference["x"]])
        encoder.mode = "single"
        together = encoder(reference["x"])
    close(together, reference["out_single"], atol=2e-6)
    close(together, alone)


def test_permuting_the_batch_permutes_the_descriptors(encoder: CrossImageEncoder) -> None:
    x = golden("crossimage_encoder_small")["x"]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        close(encoder(x[order]), encoder(x)[order])


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch, single"):
        CrossImageEncoder(64, mode="pair")  # type: ignore[arg-type]
