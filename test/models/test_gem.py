# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""GeM in its published forms, and the poolings without parameters."""

from __future__ import annotations

import torch
from golden import close, close_gradient, golden
from torch.nn import functional

from vpr_ros.models import ClassToken, GeM, MeanToken


def test_raw_pooling_and_gradients_are_the_golden_ones() -> None:
    reference = golden("gem")
    feature_map = reference["x"].clone().requires_grad_()
    layer = GeM(48, normalize_output=False)
    out = layer(feature_map.flatten(2).transpose(1, 2))
    close(out, reference["out_p3"].flatten(1), atol=2e-6)
    (out * reference["grad_out"].flatten(1)).sum().backward()
    close_gradient(feature_map.grad, reference["grad_x"])
    close_gradient(layer.p.grad, reference["grad_p"])


def test_other_exponent_tokens_and_the_benchmark_order() -> None:
    reference = golden("gem")
    tokens = reference["x"].flatten(2).transpose(1, 2)
    close(GeM(48, p=4.2, normalize_output=False)(tokens), reference["out_p4_2"].flatten(1), atol=2e-6)
    close(GeM(48, normalize_output=False)(reference["tokens"]), reference["out_tokens"].flatten(1), atol=2e-6)
    benchmark = GeM(48, normalize_tokens=True, normalize_output=False)
    close(benchmark(tokens), reference["out_l2before_p3"])


def test_the_default_is_gsv_cities_order_with_unit_output() -> None:
    reference = golden("gem")
    close(GeM(48)(reference["tokens"]), functional.normalize(reference["out_tokens"].flatten(1), dim=1))


def test_a_fixed_exponent_does_not_train() -> None:
    assert not GeM(4, learn_p=False).p.requires_grad


def test_class_token_is_the_first_and_the_mean_takes_all() -> None:
    tokens = torch.randn(2, 5, 8)
    close(ClassToken(8)(tokens), functional.normalize(tokens[:, 0], dim=1))
    close(MeanToken(8)(tokens), functional.normalize(tokens.mean(dim=1), dim=1))
