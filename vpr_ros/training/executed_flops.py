# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How many floating-point operations one training step executes, counted by torch's own counter as it runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from vpr_ros.training.metric_learning import MetricLearning


def executed_flops(module: MetricLearning, images: Tensor, labels: Tensor) -> int:
    """Of forward and backward of one batch: matrix products, convolutions and attention, two for each product and sum.

    What is frozen counts as what it executes, its forward; what ``chunk_images`` computes again counts again. Not
    counted are elementwise work and the optimiser. A compiled model is counted as it is written: the same products.

    Args:
        module: where its weights and the images lie, in training mode; gradients are cleared.
        images: (B, 3, H, W).
        labels: (B,) int64 places.
    """
    compiled, module.compiled = module.compiled, None
    try:
        with FlopCounterMode(display=False, custom_mapping=_on_the_cpu()) as counter:
            torch.autograd.backward(module.objective(module.descriptors(images), labels))
    finally:
        module.compiled = compiled
    module.zero_grad(set_to_none=True)
    return int(counter.get_total_flops())


def _on_the_cpu() -> dict[Any, Any]:
    """The CPU's own attention, which torch's table leaves out."""

    def forward(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    def backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_backward_flop_count(gradient, query, key, value))

    operators = torch.ops.aten
    found = {"": forward, "_backward": backward}
    name = "_scaled_dot_product_flash_attention_for_cpu"
    return {getattr(operators, name + end): count for end, count in found.items() if hasattr(operators, name + end)}
