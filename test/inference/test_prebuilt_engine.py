# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model file with an engine inside. TensorRT needs a GPU: here the engine is zeros, and every check comes before."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

import onnx
import tiny_onnx
from onnx import helper
from tiny_local_onnx import whole_info, write_local_model

from vpr_ros.core.errors import ModelError
from vpr_ros.core.joint import in_one_run
from vpr_ros.core.model_info import METADATA_KEY
from vpr_ros.inference import InferenceOptions, model_identity, open_extractor, open_local_model
from vpr_ros.inference import open as opening
from vpr_ros.inference.options import CPU, TENSORRT
from vpr_ros.inference.prebuilt import ENGINE_KEY, PrebuiltEngine, read_engine
from vpr_ros.inference.session import ModelSession
from vpr_ros.maps.manifest_parts import ModelEntry
from vpr_ros.maps.place_map import check_same_model

ENGINE = PrebuiltEngine("tiny.onnx", "a" * 64, "Orin (8.7)", "10.3.0", "1.23.2", 16)


def write_context(path: Path, engine: str | None = None, model: Path | None = None) -> Path:
    """Write what ONNX Runtime makes of *model*: one node, its engine in an attribute."""
    source = onnx.load(str(model or tiny_onnx.write_model(path.with_name("tiny.onnx"))))
    node = helper.make_node(
        "EPContext", ["image"], ["descriptor"], domain="com.microsoft", embed_mode=1, ep_cache_context=b"\0" * 5000
    )
    graph = helper.make_graph([node], "context", list(source.graph.input), list(source.graph.output))
    opsets = [helper.make_opsetid("", tiny_onnx.OPSET), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    if engine is not None:
        helper.set_model_props(made, {METADATA_KEY: tiny_onnx.info().to_json(), ENGINE_KEY: engine})
    onnx.save(made, str(path))
    return path


def test_the_engines_description_is_read_from_the_file(tmp_path: Path) -> None:
    assert read_engine(write_context(tmp_path / "engine.onnx", ENGINE.to_json())) == ENGINE
    assert read_engine(tmp_path / "tiny.onnx") is None


@pytest.mark.parametrize("content", [b"", b"no model", b"\x72\xff\xff\xff\xff\x7f", b"\x80" * 30, b"\x08\x01" * 20_000])
def test_what_is_no_onnx_file_holds_no_engine(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.onnx").write_bytes(content)
    assert read_engine(tmp_path / "broken.onnx") is None


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{}", "\0", ENGINE.to_json().replace("a" * 64, "../map")),
        *(ENGINE.to_json().replace(": 16", f": {batch}") for batch in ('"16"', "2.5", "true", "NaN")),
    ],
)
def test_a_description_that_is_not_one_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError, match=r"engine\.onnx.*'vpr_ros\.engine' metadata"):
        open_extractor(write_context(tmp_path / "engine.onnx", text))


@pytest.mark.skipif(TENSORRT in onnxruntime.get_available_providers(), reason="this onnxruntime has TensorRT")
def test_where_there_is_no_tensorrt_the_model_it_was_made_of_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refused:
        open_extractor(write_context(tmp_path / "engine.onnx", ENGINE.to_json()))
    for said in ("an engine for Orin (8.7) and TensorRT 10.3.0", f"has no {TENSORRT}", "Give the model", "tiny.onnx"):
        assert said in str(refused.value)


def test_an_engine_of_another_gpu_says_what_it_is_for_and_what_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CPU])
    path = write_context(tmp_path / "engine.onnx", ENGINE.to_json())
    with pytest.raises(ModelError, match=r"for Orin \(8\.7\) and TensorRT 10\.3\.0, here is .* and TensorRT .*: "):
        opening.open_prebuilt(path, ENGINE, InferenceOptions())
    with pytest.raises(ModelError, match=f"the providers do not name {TENSORRT}.*Add it"):
        opening.open_prebuilt(path, ENGINE, InferenceOptions(providers=(CPU,)))


def test_an_engine_of_somebody_else_asks_for_its_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"prebuilt for another runtime: give the \.onnx file"):
        open_extractor(write_context(tmp_path / "engine.onnx"), InferenceOptions(providers=(CPU,)))


def test_more_images_than_an_engine_takes_come_in_pieces(tmp_path: Path) -> None:
    model = tiny_onnx.write_model(tmp_path / "tiny.onnx")
    batch = np.random.default_rng(0).random((5, 3, tiny_onnx.HEIGHT, tiny_onnx.WIDTH), np.float32)
    whole, pieces = (ModelSession(model, CPU, {}, 1, max_batch=most).run(batch) for most in (0, 2))
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


def test_a_map_of_the_model_goes_with_its_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_onnx.write_model(tmp_path / "tiny.onnx")
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    carrying = onnx.load(str(model))
    helper.set_model_props(
        carrying,
        {METADATA_KEY: tiny_onnx.info().to_json(), ENGINE_KEY: replace(ENGINE, source_sha256=digest).to_json()},
    )
    onnx.save(carrying, str(tmp_path / "engine.onnx"))
    monkeypatch.setattr(opening, "TENSORRT", CPU)  # the file holds no engine, so the CPU runs it
    extractor = open_extractor(tmp_path / "engine.onnx")
    assert (extractor.sha256, extractor.info) == (digest, tiny_onnx.info())
    entry = ModelEntry.of(tiny_onnx.info(), digest)
    check_same_model(tmp_path / "map", entry, ModelEntry.of(extractor.info, extractor.sha256))


def test_an_engine_of_a_model_that_gives_both_stands_for_it_in_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_local_model(tmp_path / "both.onnx", whole=whole_info())
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    carrying = onnx.load(str(model))
    props = {prop.key: prop.value for prop in carrying.metadata_props}
    helper.set_model_props(carrying, {**props, ENGINE_KEY: replace(ENGINE, source_sha256=digest).to_json()})
    onnx.save(carrying, str(tmp_path / "engine.onnx"))
    monkeypatch.setattr(opening, "TENSORRT", CPU)  # the file holds no engine, so the CPU runs it
    extractor = open_extractor(tmp_path / "engine.onnx", with_local=True)
    local = open_local_model(extractor, model)
    assert local is not None and local.sha256 == digest == model_identity(tmp_path / "engine.onnx").local_sha256
    assert in_one_run(extractor, local) is extractor
