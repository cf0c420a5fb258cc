"""Where TensorRT keeps its engines: one folder per model and runtime, so that none is ever taken for another."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnxruntime


def default_engine_cache() -> Path:
    """``vpr_ros/engines`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vpr_ros" / "engines"


def engine_folder(cache: Path, sha256: str) -> Path:
    """Below *cache*, the folder of one model file under the installed runtime and TensorRT."""
    return cache / f"{sha256[:16]}_ort{onnxruntime.__version__}_trt{_tensorrt_version()}"


def tensorrt_options(folder: Path) -> dict[str, str]:
    """Options of ONNX Runtime's TensorRT provider that keep engines and timings in *folder*."""
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": "1",
    }


def _tensorrt_version() -> str:
    try:
        return version("tensorrt")
    except PackageNotFoundError:
        return "system"
