# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""NetVLAD against the benchmark's layer."""

from __future__ import annotations

import pytest
import torch
from golden import close, golden
from torch.nn import functional

from vpr_ros.core.errors import ConfigError
from vpr_ros.models import NetVLAD


def test_both_flatten_orders_are_the_golden_ones() -> None:
    reference = golden("netvlad_k64_d512")
    tokens = reference["x"].flatten(2).transpose(1, 2)
    state = {key: reference[key] for key in ("conv.weight", "centroids")}
    layer = NetVLAD(512, 64)
    layer.load_state_dict(state, strict=True)
    close(layer(tokens), reference["out"])
    matlab = NetVLAD(512, 64, flatten="dim")
    matlab.load_state_dict(state, strict=True)
    close(matlab(tokens)[:, :4096], reference["out_matlab_order"])


def test_the_bias_form_is_the_sum_over_residuals() -> None:
    torch.manual_seed(0)
    layer = NetVLAD(6, 3, bias=True)
    tokens = functional.normalize(torch.randn(2, 10, 6), dim=2)
    assert layer.conv.bias is not None
    weights = (tokens @ layer.conv.weight.flatten(1).T + layer.conv.bias).softmax(dim=2)
    residuals = tokens[:, :, None] - layer.centroids
    vlad = functional.normalize((weights[..., None] * residuals).sum(dim=1), dim=2)
    close(layer(tokens), functional.normalize(vlad.flatten(1), dim=1))
    assert set(layer.state_dict()) == {"conv.weight", "conv.bias", "centroids"}


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ConfigError, match="flatten"):
        NetVLAD(6, 3, flatten="row")  # type: ignore[arg-type]
