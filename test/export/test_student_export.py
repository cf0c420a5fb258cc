# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Distillation costs nothing at inference: the student's graph is the same with it and without, node for node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from vpr_ros.export.export import ExportOptions, export_onnx
from vpr_ros.export.exportable import exportable_place_model
from vpr_ros.export.images import ImageFolder
from vpr_ros.models import PlaceModel
from vpr_ros.models.checkpoint import Recipe
from vpr_ros.training.lightning_checkpoint import load_model
from vpr_ros.training.metric_learning import MetricLearning
from vpr_ros.training.recipe_module import MODEL_CONFIG_KEY, RecipeModule
from vpr_ros.training.structvpr.distillation_loss import Bridge, distillation_loss
from vpr_ros.training.structvpr.recipe import DistilledMetricLearning

STUDENT: dict[str, Any] = {
    "name": "student",
    "backbone": {"name": "nano", "dim": 8, "width": [4, 8, 8, 8]},
    "aggregation": {"name": "gem"},
    "preprocessing": {"height_px": 32, "width_px": 32},
}


def from_checkpoint(module: RecipeModule, path: Path) -> PlaceModel:
    """As a run's folder keeps the module and the exporter reads it."""
    torch.save({"state_dict": module.state_dict(), MODEL_CONFIG_KEY: module.model.config.to_mapping()}, path)
    return load_model(path)


def trained_alone() -> MetricLearning:
    """One step of the place recognition loss."""
    module = MetricLearning(model=STUDENT)
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    module.objective(module.model(torch.rand(4, 3, 32, 32)), torch.tensor([0, 0, 1, 1])).backward()
    optimiser.step()
    return module


def distilled() -> DistilledMetricLearning:
    """One step towards a teacher of seven numbers, by way of the layer between the two sizes."""
    module = DistilledMetricLearning(model=STUDENT)
    module.bridge = Bridge(module.model.descriptor_dim, 7)
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    answers = torch.nn.functional.normalize(torch.randn(4, 1, 7), dim=2)
    student = module.bridge(module.model(torch.rand(4, 3, 32, 32))).unsqueeze(1)
    distillation_loss(student, answers, torch.ones(4)).backward()
    optimiser.step()
    return module


def graph_of(model: PlaceModel, images: ImageFolder, path: Path) -> tuple[Any, ...]:
    export_onnx(exportable_place_model(model, Recipe("r", "0")), path, ExportOptions(images))
    graph = onnx.load(path).graph
    nodes = [(n.op_type, list(n.input), list(n.output), sorted(map(str, n.attribute))) for n in graph.node]
    weights = [(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in graph.initializer]
    return nodes, weights, [str(end) for end in (*graph.input, *graph.output)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_the_students_graph_is_the_same_with_and_without_a_teacher(images: ImageFolder, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = distilled()
    assert any(name.startswith("bridge") for name in module.state_dict())
    taught = from_checkpoint(module, tmp_path / "taught.ckpt")
    for name, value in taught.state_dict().items():
        assert torch.equal(value, module.model.state_dict()[name]), name
    graphs = [
        graph_of(model, images, tmp_path / f"{name}.onnx")
        for name, model in (("alone", from_checkpoint(trained_alone(), tmp_path / "alone.ckpt")), ("taught", taught))
    ]
    assert graphs[0] == graphs[1]
    assert len(graphs[0][0]) > 50
