# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One network that describes images and finds their keypoints: run once for both, and without the rest for one."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_local_onnx import KEYPOINTS, local_info, whole_info, write_local_model

from vpr_ros.core.errors import ModelError, NoDescriptorError
from vpr_ros.core.joint import LocalOutputs, in_one_run
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.inference import InferenceOptions, open_extractor, open_local_extractor, open_local_model
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS, OnnxLocalExtractor
from vpr_ros.inference.network_part import network_part
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import CPU
from vpr_ros.inference.probe import misfit, same_keypoints
from vpr_ros.inference.session import OUTPUT, ModelSession

ON_CPU = InferenceOptions(providers=(CPU,), threads=1)
SIZES_PX = [(128, 48), (256, 96), (64, 64)]


def images(seed: int = 0) -> list[np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (height, width, 3)).astype(np.uint8) for width, height in SIZES_PX]


@pytest.fixture
def both(tmp_path: Path) -> Path:
    return write_local_model(tmp_path / "both.onnx", whole=whole_info(), batch="batch")


def assert_same(one: LocalFeatures, other: LocalFeatures) -> None:
    np.testing.assert_allclose(one.keypoints_px, other.keypoints_px)
    np.testing.assert_allclose(one.descriptors, other.descriptors, atol=1e-5)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)


@pytest.mark.parametrize("batch", ["batch", 1, 4])
def test_one_run_gives_what_two_give(tmp_path: Path, batch: int | str) -> None:
    path = write_local_model(tmp_path / "both.onnx", whole=whole_info(), batch=batch)
    extractor, alone = open_extractor(path, ON_CPU, with_local=True), open_extractor(path, ON_CPU)
    inputs = extractor.prepare(images())
    descriptors, features = extractor.infer_both(inputs, SIZES_PX)
    np.testing.assert_allclose(descriptors, alone.infer(inputs), atol=1e-5)
    apart = open_local_extractor(path, ON_CPU)
    local = open_local_model(extractor, None, ON_CPU)
    assert isinstance(local, LocalOutputs) and in_one_run(extractor, local) is extractor
    assert (local.sha256, local.info, local.provider) == (apart.sha256, apart.info, CPU)
    for image, found in zip(images(), features, strict=True):
        assert len(found) == KEYPOINTS
        assert_same(found, apart.extract(image))
        assert_same(found, local.extract(image))


def test_what_is_not_wanted_is_not_run(both: Path) -> None:
    """As ONNX Runtime's own profile tells it, which computes every output that the network has."""
    whole, descriptor, local = (profiled(both, only) for only in (None, (OUTPUT,), LOCAL_OUTPUTS))
    assert descriptor == ["AveragePool", "Flatten", "MatMul"]
    assert "TopK" in local and "MatMul" not in local and len(whole) == len(descriptor) + len(local)


def profiled(path: Path, only: tuple[str, ...] | None) -> list[str]:
    """Operators that one run needs."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(path.with_suffix(""))
    options.log_severity_level = 4
    session = runtime.InferenceSession(
        str(path) if only is None else network_part(path, only), options, providers=[CPU]
    )
    session.run([(only or (OUTPUT,))[0]], {"image": np.zeros((1, 3, 48, 128), np.float32)})
    events = json.loads(Path(session.end_profiling()).read_text())
    operators = [event["args"]["op_name"] for event in events if event.get("cat") == "Node"]
    return [operator for operator in operators if operator != "ReorderOutput"]  # where the CPU likes blocks of channels


def test_an_extractor_opened_for_its_descriptor_alone_has_no_other_output(both: Path) -> None:
    extractor = open_extractor(both, ON_CPU)
    assert extractor.has_local and extractor.local is None
    assert isinstance(open_local_model(extractor, None, ON_CPU), OnnxLocalExtractor)
    assert list(ModelSession(both, CPU, {}, 1, only=(OUTPUT,)).output_shapes) == [OUTPUT]
    with pytest.raises(ModelError, match="opened for its descriptor alone"):
        extractor.infer_both(extractor.prepare(images()), SIZES_PX)


def test_files_that_are_two_are_run_as_two(both: Path, tmp_path: Path) -> None:
    extractor = open_extractor(both, ON_CPU, with_local=True)
    other = open_local_model(extractor, write_local_model(tmp_path / "other.onnx", seed=1), ON_CPU)
    assert isinstance(other, OnnxLocalExtractor) and in_one_run(extractor, other) is None
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(both.read_bytes())
    named = open_local_model(extractor, copy, ON_CPU)
    assert named is not None and in_one_run(extractor, named) is extractor
    second = open_extractor(both, ON_CPU, with_local=True)
    assert in_one_run(second, extractor.local) is None


def test_another_preprocessing_makes_them_two(tmp_path: Path) -> None:
    otherwise = replace(local_info().preprocessing, mean=(0.4, 0.4, 0.4))
    path = write_local_model(tmp_path / "both.onnx", whole=whole_info(otherwise))
    extractor = open_extractor(path, ON_CPU, with_local=True)
    assert extractor.has_local and extractor.local is None
    assert isinstance(open_local_model(extractor, None, ON_CPU), OnnxLocalExtractor)


def test_local_outputs_that_are_no_numbers_leave_the_descriptor(tmp_path: Path) -> None:
    path = write_local_model(tmp_path / "both.onnx", whole=whole_info(), noise=np.nan)
    extractor = open_extractor(path, ON_CPU, with_local=True)
    descriptors, features = extractor.infer_both(extractor.prepare(images()[:1]), SIZES_PX[:1])
    assert np.isfinite(descriptors).all() and len(features[0]) == 0


def test_a_descriptor_that_is_none_leaves_the_local_features(both: Path) -> None:
    extractor = open_extractor(both, ON_CPU, with_local=True)
    inputs = np.zeros((1, 3, 48, 128), np.float32)  # grey
    with pytest.raises(NoDescriptorError):
        extractor.infer_both(inputs, SIZES_PX[:1])
    assert len(extractor.infer_local(inputs, SIZES_PX[:1])[0]) == 0


def test_a_file_that_says_local_features_and_gives_none_is_an_error_where_they_are_wanted(tmp_path: Path) -> None:
    path = write_local_model(tmp_path / "both.onnx", whole=whole_info(), outputs=("keypoints",))
    assert np.isfinite(open_extractor(path, ON_CPU).infer(np.ones((1, 3, 48, 128), np.float32))).all()
    with pytest.raises(ModelError, match="expected 'image' and 'keypoints', 'local_descriptors'"):
        open_extractor(path, ON_CPU, with_local=True)


@pytest.mark.parametrize(("noise", "agrees"), [(0.0, True), (0.02, True), (1.0, False)])
def test_the_probe_of_an_engine_compares_keypoints_too(tmp_path: Path, noise: float, agrees: bool) -> None:
    one, other = (
        OnnxExtractor(ModelSession(write_local_model(tmp_path / name, whole=whole_info(), noise=n), CPU, {}, 1), "0")
        for name, n in (("one.onnx", 0.0), ("other.onnx", noise))
    )
    problem = misfit(one, other, "A and B")
    assert (problem == "") if agrees else problem.startswith("local features of A and B differ (share 0")


def test_the_same_keypoints_are_counted_once() -> None:
    def features(x_px: list[float]) -> LocalFeatures:
        count = len(x_px)
        descriptors = np.tile(np.array([0.6, 0.8], np.float32), (count, 1))
        return LocalFeatures(np.array([(x, 5.0) for x in x_px], np.float32), descriptors, np.ones(count, np.float32))

    assert same_keypoints(features([1, 50]), features([1.5, 50])) == 1.0
    assert same_keypoints(features([1, 1.2]), features([1, 50])) == 0.5
    assert same_keypoints(features([1]), features([1, 50, 90, 99])) == 0.25
    many = features(np.linspace(0, 9999, 10_000).tolist())
    tracemalloc.start()
    assert same_keypoints(many, many) == 1.0
    assert tracemalloc.get_traced_memory()[1] < 1 << 25
    tracemalloc.stop()


@pytest.mark.parametrize("outputs", [("descriptor",), ("keypoints", "local_descriptors", "local_scores")])
def test_the_part_is_a_whole_model(both: Path, outputs: tuple[str, ...]) -> None:
    part = network_part(both, outputs)
    assert part is not None
    model = onnx.load_from_string(part)
    onnx.checker.check_model(model, full_check=True)
    assert [output.name for output in model.graph.output] == list(outputs)
    assert model.metadata_props == onnx.load(str(both)).metadata_props


def test_what_branches_take_from_outside_stays(tmp_path: Path) -> None:
    branch = helper.make_graph([helper.make_node("Identity", ["doubled"], ["out"])], "b", [], [value("out")])
    nodes = [
        helper.make_node("Add", ["image", "image"], ["doubled"]),
        helper.make_node("Neg", ["image"], ["other"]),
        helper.make_node("If", ["asked"], ["descriptor"], then_branch=branch, else_branch=branch),
    ]
    asked = helper.make_tensor("asked", TensorProto.BOOL, [], [True])
    ends = [value("descriptor"), value("other")]
    graph = helper.make_graph(nodes, "g", [value("image")], ends, [asked])
    path = tmp_path / "branching.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    part = network_part(path, ["descriptor"])
    assert part is not None
    assert [node.op_type for node in onnx.load_from_string(part).graph.node] == ["Add", "If"]


def value(name: str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])


def test_nodes_in_no_order_are_run_as_they_are(both: Path) -> None:
    """ONNX Runtime puts them in order; to take a part of them would leave out what stands behind."""
    before = open_extractor(both, ON_CPU).infer(np.ones((1, 3, 48, 128), np.float32))
    model = onnx.load(str(both))
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(both))
    assert network_part(both, ["descriptor"]) is None
    np.testing.assert_allclose(open_extractor(both, ON_CPU).infer(np.ones((1, 3, 48, 128), np.float32)), before)


@pytest.mark.parametrize("output", ["descriptor", "local_scores"])
def test_outputs_that_are_no_numbers_are_refused_when_the_file_is_opened(both: Path, output: str) -> None:
    model = onnx.load(str(both))
    for node in model.graph.node:
        node.output[:] = ["before" if name == output else name for name in node.output]
    model.graph.node.append(helper.make_node("Cast", ["before"], [output], to=TensorProto.STRING))
    next(end for end in model.graph.output if end.name == output).type.tensor_type.elem_type = TensorProto.STRING
    onnx.save(model, str(both))
    with pytest.raises(ModelError, match=rf"gives {output} as tensor\(string\), expected numbers"):
        open_extractor(both, ON_CPU, with_local=True)


def test_a_part_is_made_in_the_memory_of_one_file(both: Path) -> None:
    model = onnx.load(str(both))
    for number in range(8):
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(1 << 16, np.float32), f"large{number}"))
    onnx.save(model, str(both))
    tracemalloc.start()
    part = network_part(both, ["descriptor"])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert part is not None and peak_bytes < 1.7 * len(part)


def test_weights_beside_the_file_are_found_for_a_part(both: Path) -> None:
    before = open_extractor(both, ON_CPU).infer(np.ones((1, 3, 48, 128), np.float32))
    onnx.save(onnx.load(str(both)), str(both), save_as_external_data=True, location="weights.bin", size_threshold=0)
    after = open_extractor(both, ON_CPU).infer(np.ones((1, 3, 48, 128), np.float32))
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [b"", b"no model", b"\x3a\xff\xff\xff\xff\x7f", b"\x3a\x02\x0a\x05", b"\x3a\x01\x08\x05", b"\x80" * 30],
)
def test_what_is_no_onnx_file_has_no_part(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.onnx").write_bytes(content)
    assert network_part(tmp_path / "broken.onnx", ["descriptor"]) is None
    with pytest.raises(ModelError, match="cannot load"):
        open_extractor(tmp_path / "broken.onnx", ON_CPU)


def test_a_file_without_other_outputs_is_taken_as_it_is(tmp_path: Path) -> None:
    assert network_part(write_local_model(tmp_path / "local.onnx"), LOCAL_OUTPUTS) is None
