# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model file with its TensorRT engine inside, made by ONNX Runtime's TensorRT provider: an EP-context model.

The node opens it as it opens any model, in seconds where a first engine takes minutes. Not yet run on a GPU.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from vpr_ros.core.disk import writing
from vpr_ros.core.errors import ExportError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.metadata import load_onnx, save_onnx
from vpr_ros.inference import open_extractor
from vpr_ros.inference.gpu_libraries import check_libraries, installed_gpu, installed_tensorrt
from vpr_ros.inference.onnx_session import INPUT
from vpr_ros.inference.options import CPU, TENSORRT, InferenceOptions
from vpr_ros.inference.prebuilt import ENGINE_KEY, PrebuiltEngine
from vpr_ros.inference.predecessor import PREDECESSOR_KEY
from vpr_ros.inference.probe import misfit
from vpr_ros.inference.session import ModelSession

MAX_BATCH = 16
CONTEXT_NODE = "EPContext"
_INSTEAD = "Update onnxruntime-gpu, or use the .onnx file: the node builds the engine itself"


@dataclass(frozen=True)
class EngineOptions:
    """How an engine is built.

    Attributes:
        half: allow fp16 kernels.
        timing_cache: folder kept between builds, so that the second one on the same GPU takes seconds.
    """

    half: bool = True
    timing_cache: Path | None = None


def require_tensorrt() -> None:
    """See that an engine can be built here.

    Raises:
        ExportError: this ONNX Runtime was built without TensorRT.
        ModelError: a library is missing; the message names it and what brings it.
    """
    if TENSORRT not in onnxruntime.get_available_providers():
        raise ExportError(
            f"this onnxruntime has no {TENSORRT}, and an engine only runs on the kind of GPU it was built on",
            "Run this on the robot's computer, with onnxruntime-gpu and TensorRT, or use the .onnx file: the node "
            "builds the engine itself",
        )
    check_libraries(TENSORRT)


def write_engine_model(model: Path, target: Path, options: EngineOptions) -> PrebuiltEngine:
    """Write *model* with its engine for this GPU as *target*; batches of 1 to 16, best at 1.

    Raises:
        ExportError, ModelError: no TensorRT, a model it cannot compile, or an engine with other descriptors or
            keypoints than the model's; an older file stays.
    """
    require_tensorrt()
    if options.timing_cache is not None:
        with writing(options.timing_cache, ExportError):
            options.timing_cache.mkdir(parents=True, exist_ok=True)
    reference = open_extractor(model, InferenceOptions(providers=(CPU,)), with_local=True)
    engine = PrebuiltEngine(
        model.name,
        reference.sha256,
        installed_gpu(),
        installed_tensorrt(),
        onnxruntime.__version__,
        MAX_BATCH,
        "" if reference.local_sha256 == reference.sha256 else reference.local_sha256,
    )
    with writing(target, ExportError):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            compiled, described = Path(folder) / "compiled.onnx", Path(folder) / target.name
            compile_context(model, compiled, engine_options(reference.info.preprocessing, options))
            describe_context(compiled, model, described, engine)
            built = open_extractor(described, InferenceOptions(providers=(TENSORRT,)), with_local=True)
            if problem := misfit(reference, built, f"the engine and of {model}"):
                raise ExportError(
                    problem,
                    "Export the model with `--precision fp16`, whose gate checks it, or use the .onnx file",
                )
            described.replace(target)
    return engine


def compile_context(model: Path, target: Path, provider_options: Mapping[str, str], provider: str = TENSORRT) -> None:
    """Let *provider* compile *model* and write what it made as *target*.

    Raises:
        ModelError: it cannot compile the model.
        ExportError: it wrote nothing.
    """
    session = ModelSession(model, provider, provider_options, threads=0, config=context_config(target))
    size = session.info.preprocessing
    session.run(np.zeros((1, 3, size.height_px, size.width_px), np.float32))  # what waits for a first run, gets one
    if not target.is_file():
        raise ExportError(f"{provider} of onnxruntime {onnxruntime.__version__} made no engine of {model}", _INSTEAD)


def context_config(target: Path) -> dict[str, str]:
    """The session's configuration that makes ONNX Runtime write a model with the engine inside."""
    return {"ep.context_enable": "1", "ep.context_file_path": str(target), "ep.context_embed_mode": "1"}


def engine_options(size: Preprocessing, options: EngineOptions) -> dict[str, str]:
    """Options of the TensorRT provider: with these shapes the engine is built with the session, not by a first run."""
    shape = f"3x{size.height_px}x{size.width_px}"
    profile = {"min": 1, "opt": 1, "max": MAX_BATCH}
    shapes = {f"trt_profile_{name}_shapes": f"{INPUT}:{batch}x{shape}" for name, batch in profile.items()}
    cache = options.timing_cache
    timing = {} if cache is None else {"trt_timing_cache_enable": "1", "trt_timing_cache_path": str(cache)}
    return {**shapes, **timing, "trt_fp16_enable": str(int(options.half))}


def describe_context(compiled: Path, model: Path, target: Path, engine: PrebuiltEngine) -> None:
    """Write *compiled* as *target* with the metadata of *model*, which not every provider takes along, and *engine*.

    Raises:
        ExportError: *compiled* holds no engine, or one that lies in another file.
    """
    context = load_onnx(compiled)
    engines = [node for node in context.graph.node if node.op_type == CONTEXT_NODE and _embedded(node)]
    if not engines or len(engines) < sum(node.op_type == CONTEXT_NODE for node in context.graph.node):
        raise ExportError(
            f"{model} was compiled to {len(context.graph.node)} nodes, {len(engines)} of them with an engine inside",
            _INSTEAD,
        )
    props = {prop.key: prop.value for prop in load_onnx(model).metadata_props if prop.key != PREDECESSOR_KEY}
    del context.metadata_props[:]
    onnx.helper.set_model_props(context, {**props, ENGINE_KEY: engine.to_json()})
    save_onnx(context, target)


def _embedded(node: onnx.NodeProto) -> bool:
    return all(attribute.i == 1 for attribute in node.attribute if attribute.name == "embed_mode")
