# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model with its engine inside, as far as no GPU is needed: what is asked of ONNX Runtime, and what is kept."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import helper

from vpr_ros.core.errors import ExportError
from vpr_ros.core.model_info import METADATA_KEY
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.engine_model import (
    EngineOptions,
    compile_context,
    context_config,
    describe_context,
    engine_options,
)
from vpr_ros.inference import shipped_model_path
from vpr_ros.inference.options import CPU
from vpr_ros.inference.prebuilt import ENGINE_KEY, PrebuiltEngine, read_engine
from vpr_ros.inference.predecessor import PREDECESSOR_KEY

ENGINE = PrebuiltEngine("vpr_nano.onnx", "a" * 64, "Orin (8.7)", "10.3.0", "1.23.2", 16)


def compiled(path: Path, embed_mode: int) -> Path:
    """What a provider writes: one node that holds the engine, and none of the model's metadata."""
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("image", "descriptor")]
    nodes = [helper.make_node("EPContext", ["image"], ["descriptor"], domain="com.microsoft", embed_mode=embed_mode)]
    onnx.save(helper.make_model(helper.make_graph(nodes, "context", ends[:1], ends[1:])), str(path))
    return path


def test_the_metadata_of_the_model_and_the_engine_go_along(tmp_path: Path) -> None:
    context = compiled(tmp_path / "compiled.onnx", embed_mode=1)
    describe_context(context, shipped_model_path(), tmp_path / "engine.onnx", ENGINE)
    assert read_engine(tmp_path / "engine.onnx") == ENGINE
    kept, source = (onnx.load(str(path)).metadata_props for path in (tmp_path / "engine.onnx", shipped_model_path()))
    assert {p.key: p.value for p in kept}[METADATA_KEY] == {p.key: p.value for p in source}[METADATA_KEY]
    assert {p.key for p in source} - {PREDECESSOR_KEY} == {p.key for p in kept} - {ENGINE_KEY}  # the engine names both


def test_an_engine_in_a_file_of_its_own_is_refused(tmp_path: Path) -> None:
    context = compiled(tmp_path / "compiled.onnx", embed_mode=0)
    with pytest.raises(ExportError, match="compiled to 1 nodes, 0 of them with an engine"):
        describe_context(context, shipped_model_path(), tmp_path / "engine.onnx", ENGINE)


def test_a_provider_that_compiles_nothing_is_refused(tmp_path: Path) -> None:
    """The CPU accepts the session's options, which are ONNX Runtime's own, and has nothing to write."""
    with pytest.raises(ExportError, match=r"CPUExecutionProvider of onnxruntime .* made no engine"):
        compile_context(shipped_model_path(), tmp_path / "compiled.onnx", {}, CPU)


def test_the_engine_is_asked_for_in_one_file_for_one_to_sixteen_images(tmp_path: Path) -> None:
    target = str(tmp_path / "x.onnx")
    config = {"ep.context_enable": "1", "ep.context_file_path": target, "ep.context_embed_mode": "1"}
    assert context_config(tmp_path / "x.onnx") == config
    asked = engine_options(Preprocessing(24, 32), EngineOptions(half=False, timing_cache=tmp_path))
    assert asked["trt_profile_min_shapes"] == asked["trt_profile_opt_shapes"] == "image:1x3x24x32"
    assert asked["trt_profile_max_shapes"] == "image:16x3x24x32"
    assert (asked["trt_fp16_enable"], asked["trt_timing_cache_path"]) == ("0", str(tmp_path))
