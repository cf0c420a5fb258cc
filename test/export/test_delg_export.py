# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model with a local head in one graph: descriptor, keypoints, scores and local descriptors, of any batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from vpr_ros.models import PlaceModel, build_model
from vpr_ros.models.delg_head import strongest


class AllOutputs(nn.Module):
    def __init__(self, model: PlaceModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        descriptors, maps = self.model.with_local(images)
        return (descriptors, *strongest(maps, self.model.backbone.inner_stride_px, 10))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_the_graph_gives_what_torch_gives(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config: dict[str, Any] = {
        "backbone": {"name": "nano_stages", "width": [8, 8, 16, 24]},
        "aggregation": {"name": "whitened_gem"},
        "local_head": {"name": "delg", "dim": 16, "attention_dim": 8},
        "preprocessing": {"height_px": 64, "width_px": 96},
    }
    whole = AllOutputs(build_model(config)).eval()
    path, batch = tmp_path / "delg.onnx", torch.export.Dim("batch")
    example = (torch.rand(1, 3, 64, 96),)
    torch.onnx.export(whole, example, path, dynamo=True, dynamic_shapes={"images": {0: batch}}, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = torch.rand(3, 3, 64, 96)
    found = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.no_grad():
        expected = whole(images)
    assert [part.shape for part in found] == [(3, 24), (3, 10, 2), (3, 10), (3, 10, 16)]
    for part, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, reference, atol=1e-5)
