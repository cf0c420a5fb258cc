# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The compact convolutional transformer against the published one."""

from __future__ import annotations

import pytest
import torch
from golden import close, golden, layout

from vpr_ros.core.errors import ConfigError
from vpr_ros.models.cct import Cct, CctShape

TINY = CctShape(dim=48, blocks=3, heads=6, image_px=(96, 96))


def test_tokens_are_the_golden_ones() -> None:
    reference = golden("tiny_cct")
    net = Cct(TINY).eval()
    net.load_state_dict({k: v for k, v in reference.items() if k.startswith(("tokenizer", "classifier"))}, strict=True)
    with torch.no_grad():
        close(net.tokenizer(reference["x"]), reference["tokens_after_tokenizer"], atol=1e-4)  # values reach 10
        close(net(reference["x"]), reference["out"], atol=2e-5)


def test_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        state = Cct().state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == {
        key: shape for key, (shape, _) in layout("cct14_7x2_384").items()
    }
    assert "classifier.attention_pool.weight" not in dict(Cct(TINY).named_parameters())


@pytest.mark.parametrize("size", [(96, 96), (64, 112), (90, 100)])
def test_other_sizes_resample_the_positions(size: tuple[int, int]) -> None:
    net = Cct(TINY, blocks=2).eval()
    rows, columns = net.grid(*size)
    images = torch.randn(1, 3, *size)
    with torch.no_grad():
        tokens = net(images)
        net.bake_positions(*size)
        close(net(images), tokens)
    assert tokens.shape == (1, rows * columns, 48)


def test_more_blocks_than_there_are_are_refused() -> None:
    with pytest.raises(ConfigError, match="1 to 3 blocks"):
        Cct(TINY, blocks=4)
