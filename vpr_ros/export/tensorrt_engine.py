"""ONNX -> TensorRT engine, where TensorRT is installed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ExportError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.metadata import INPUT_NAME

MAX_BATCH = 16


@dataclass(frozen=True)
class EngineOptions:
    """How an engine is built.

    Attributes:
        half: allow fp16 kernels.
        timing_cache: kept between builds, so that the second one on the same GPU takes seconds.
        workspace_mb: scratch memory the builder may use.
    """

    half: bool = True
    timing_cache: Path | None = None
    workspace_mb: int = 1024


def require_tensorrt() -> Any:
    """Import TensorRT.

    Raises:
        ExportError: it is not installed.
    """
    if importlib.util.find_spec("tensorrt") is None:
        raise ExportError(
            "TensorRT is not installed here, and an engine only runs on the kind of GPU it was built on",
            "Run this on the robot's computer with the `tensorrt` package, or use the .onnx file: "
            "the node builds the engine itself through onnxruntime's TensorRT provider",
        )
    import tensorrt  # noqa: PLC0415  # present on few machines

    return tensorrt


def build_engine(onnx_path: Path, path: Path, size: Preprocessing, options: EngineOptions) -> None:
    """Build an engine for batches of 1 to 16, best at 1.

    Raises:
        ExportError: no TensorRT, a model it cannot parse, or a build that fails.
    """
    trt = require_tensorrt()
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx_path.read_bytes()):
        problems = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise ExportError(f"TensorRT cannot parse {onnx_path} ({problems})", "Update TensorRT, or use the .onnx file")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb << 20)
    if options.half and hasattr(trt.BuilderFlag, "FP16"):
        config.set_flag(trt.BuilderFlag.FP16)
    cache = _timing_cache(config, options.timing_cache)
    profile = builder.create_optimization_profile()
    shape = (3, size.height_px, size.width_px)
    profile.set_shape(INPUT_NAME, (1, *shape), (1, *shape), (MAX_BATCH, *shape))
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise ExportError(f"TensorRT could not build an engine from {onnx_path}", "See its messages above")
    _write(path, bytes(engine))
    if options.timing_cache is not None:
        _write(options.timing_cache, bytes(cache.serialize()))


def _timing_cache(config: Any, path: Path | None) -> Any:
    known = path.read_bytes() if path is not None and path.is_file() else b""
    cache = config.create_timing_cache(known)
    config.set_timing_cache(cache, ignore_mismatch=True)
    return cache


def _write(path: Path, content: bytes) -> None:
    with new_file(path, ExportError) as part:
        part.write_bytes(content)
