# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""SuperVLAD against the released layer."""

from __future__ import annotations

import pytest
import torch
from golden import close, close_gradient, golden

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import SuperVLAD


def layer(reference: dict[str, torch.Tensor], ghosts: int) -> SuperVLAD:
    rows, dim = reference["conv.weight"].shape[:2]
    made = SuperVLAD(dim=dim, clusters=rows - ghosts, ghost_clusters=ghosts)
    made.load_state_dict({"conv.weight": reference["conv.weight"]}, strict=True)
    return made


@pytest.mark.parametrize("name", ["supervlad_k4_g1_d768", "supervlad_k1_g2_d768", "supervlad_k4_g1_d64_n256"])
def test_output_and_gradients_are_the_golden_ones(name: str) -> None:
    reference = golden(name)
    supervlad = layer(reference, int(reference["G"]))
    tokens = reference["tokens"].clone().requires_grad_()
    out = supervlad(tokens)
    close(out, reference["out"])
    (out * reference["grad_out"]).sum().backward()
    close_gradient(tokens.grad, reference["grad_tokens"])
    close_gradient(supervlad.conv.weight.grad, reference["grad_conv_weight"].reshape(supervlad.conv.weight.shape))


def test_assignment_is_the_golden_softmax_over_all_clusters() -> None:
    reference = golden("supervlad_k4_g1_d768")
    unit = torch.nn.functional.normalize(reference["tokens"], dim=2)
    close(layer(reference, 1).assign(unit).transpose(1, 2), reference["soft_assign"])


def test_without_ghosts_every_cluster_is_kept() -> None:
    reference = golden("supervlad_k4_g0_intended")
    close(layer(reference, 0)(reference["tokens"]), reference["out"])


def test_one_cluster_without_ghosts_is_the_mean_of_unit_tokens() -> None:
    tokens = torch.randn(3, 11, 8)
    expected = torch.nn.functional.normalize(torch.nn.functional.normalize(tokens, dim=2).sum(dim=1), dim=1)
    close(SuperVLAD(8, 1, 0)(tokens), expected)


def test_blocks_have_equal_length() -> None:
    out = SuperVLAD(16, 4, 1)(torch.randn(2, 30, 16)).unflatten(1, (4, 16))
    close(out.norm(dim=2), torch.full((2, 4), 0.5))


@pytest.mark.parametrize(("dim", "clusters", "ghosts"), [(8, 0, 1), (8, 4, -1), (0, 4, 1)])
def test_impossible_sizes_are_refused(dim: int, clusters: int, ghosts: int) -> None:
    with pytest.raises(ConfigError, match="at least"):
        SuperVLAD(dim, clusters, ghosts)
