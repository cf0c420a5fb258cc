# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
