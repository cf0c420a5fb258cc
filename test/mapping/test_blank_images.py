# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images that a network has no descriptor for: left out, named and counted, and the build goes on."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, HEIGHT_PX, SPACING_M, WIDTH_PX, GridFeatures, WallSource

pytest.importorskip("onnx", reason="the tests write their own models")

import onnx
from onnx import TensorProto, helper, numpy_helper

from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.model_info import METADATA_KEY, ModelInfo
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.evaluation.evaluate import EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.inference import open_extractor
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.localization import Localizer
from vpr_ros.mapping import build_map
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.mapping.usable_frames import UNDESCRIBED
from vpr_ros.maps import PlaceMap

DIM = 32


@dataclass
class WithBlanks(WallSource):
    """The wall, with pictures of one colour where *blank* says so, as while a lens cap is on."""

    blank: Collection[int] = field(default_factory=tuple)

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, record in enumerate(super().__iter__()):
            if number in self.blank:
                record = replace(record, load_image=lambda: np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8))  # noqa: PLW2901
            yield record


@pytest.fixture(scope="module")
def contrast(tmp_path_factory: pytest.TempPathFactory) -> OnnxExtractor:
    """A network that takes the mean away and divides by the length: 0/0 for a picture of one colour."""
    size = Preprocessing(24, 64, "area", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    weight = np.random.default_rng(0).standard_normal((3 * 6 * 16, DIM)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["centred"]),
        helper.make_node("ReduceL2", ["centred"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Div", ["centred", "length"], ["contrast"]),
        helper.make_node("MatMul", ["contrast", "weight"], ["descriptor"]),
    ]
    graph = helper.make_graph(
        nodes,
        "contrast",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["b", 3, 24, 64])],
        [helper.make_tensor_value_info("descriptor", TensorProto.FLOAT, ["b", DIM])],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: ModelInfo("contrast", "1", size, DIM, {"name": "none"}).to_json()})
    path = tmp_path_factory.mktemp("model") / "contrast.onnx"
    onnx.save(model, str(path))
    return open_extractor(path)


@pytest.mark.slow
@pytest.mark.parametrize("blank", [(0,), (39,), (7, 20, 21), tuple(range(8, 24))], ids=str)
def test_they_are_left_out_counted_and_named(
    contrast: OnnxExtractor, tmp_path: Path, caplog: pytest.LogCaptureFixture, blank: tuple[int, ...]
) -> None:
    source = WithBlanks([SPACING_M * n for n in range(40)], blank=blank)
    names = [record.name for record in source]
    with caplog.at_level(logging.WARNING):
        report = build_map(source, contrast, tmp_path / "map", replace(EVERY_FRAME, batch_size=8))
    assert (report.frames, report.skipped) == (40 - len(blank), {UNDESCRIBED: len(blank)})
    opened = PlaceMap.open(tmp_path / "map")
    assert opened.manifest.sessions[0].skipped == {UNDESCRIBED: len(blank)}
    assert list(opened.frames.names) == [name for number, name in enumerate(names) if number not in blank]
    said = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert len(said) == len(blank)
    assert all(names[number] in " ".join(said) for number in blank)
    last = next(record for record in source if record.name == opened.frames.names[-1])
    alone = contrast.infer(contrast.prepare([last.load_image()]))
    np.testing.assert_allclose(opened.descriptors[-1], alone[0], atol=1e-5)


def test_an_interrupted_build_still_counts_them(contrast: OnnxExtractor, tmp_path: Path) -> None:
    track = [SPACING_M * n for n in range(40)]
    stops = WithBlanks(track, blank=(3, 30), fails_at=25, failure=RuntimeError("power cut"))
    with pytest.raises(RuntimeError, match="power cut"):
        build_map(stops, contrast, tmp_path / "map", replace(EVERY_FRAME, batch_size=4))
    assert partial_path(tmp_path / "map").exists()
    goes_on = WithBlanks(track, blank=(3, 30))
    report = build_map(goes_on, contrast, tmp_path / "map", replace(EVERY_FRAME, batch_size=4), resume=True)
    assert (report.frames, report.skipped) == (38, {UNDESCRIBED: 2})


def test_they_are_not_asked_about_mirrored_either(contrast: OnnxExtractor, tmp_path: Path) -> None:
    source = WithBlanks([SPACING_M * n for n in range(24)], blank=(0,))
    build_map(source, contrast, tmp_path / "map", EVERY_FRAME, local_model=GridFeatures())
    promise = PlaceMap.open(tmp_path / "map").manifest.promise
    assert promise is not None and promise.mirrored.answers == 22  # of the first 23 records


def test_a_drive_of_nothing_else_blames_the_model(contrast: OnnxExtractor, tmp_path: Path) -> None:
    source = WithBlanks([SPACING_M * n for n in range(10)], blank=range(10))
    with pytest.raises(ModelError, match="no descriptor for any of the 10 images"):
        build_map(source, contrast, tmp_path / "map", EVERY_FRAME)
    assert not list(tmp_path.iterdir())


def test_an_evaluation_goes_on_too(contrast: OnnxExtractor, tmp_path: Path) -> None:
    build_map(WallSource(), contrast, tmp_path / "map", EVERY_FRAME)
    place_map = PlaceMap.open(tmp_path / "map")
    localizer, options = Localizer(contrast, place_map), EvaluationOptions(GroundTruthRule(PoseThreshold(1.0)))
    queries = WithBlanks([SPACING_M * n for n in range(20)], blank=(4, 5))
    metrics = evaluate(localizer, place_map, queries, options).metrics
    assert (metrics["queries"], metrics["left_out"]["queries_undescribed"]) == (18, 2)
    assert metrics["recall_at"]["1"] == 100.0
    with pytest.raises(ModelError, match="no descriptor for 20 of 20 queries"):
        evaluate(localizer, place_map, replace(queries, blank=range(20)), options)
