"""Libraries behind a GPU provider: the first missing one is named, with what brings it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import onnxruntime
import pytest

from vpr_ros.core.errors import ModelError
from vpr_ros.inference import gpu_libraries
from vpr_ros.inference.options import CPU, CUDA, TENSORRT


def library(path: Path, *needed: str) -> Path:
    """Compile a shared library that names *needed* as the ones it loads, as a provider's file does."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    stubs = [library(path.parent / name) for name in needed]
    command = [compiler, "-shared", "-x", "c", "/dev/null", "-x", "none", "-Wl,--no-as-needed", *map(str, stubs)]
    subprocess.run([*command, f"-Wl,-soname,{path.name}", "-o", str(path)], check=True)
    for stub in stubs:
        stub.unlink()
    return path


def runtime_with(monkeypatch: pytest.MonkeyPatch, folder: Path, file: str, *needed: str) -> None:
    """Let the installed runtime appear to lie in *folder*, with the provider *file*."""
    (folder / "capi").mkdir(parents=True)
    library(folder / "capi" / file, *needed)
    monkeypatch.setattr(onnxruntime, "__file__", str(folder / "__init__.py"))


def test_the_cpu_needs_nothing() -> None:
    gpu_libraries.check_libraries(CPU)


def test_a_missing_driver_is_named_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runtime_with(monkeypatch, tmp_path, "libonnxruntime_providers_cuda.so", "libcublas.so.98")
    monkeypatch.setattr(gpu_libraries, "DRIVER", "libcuda_that_is_nowhere.so.1")
    with pytest.raises(ModelError, match=r"needs the NVIDIA driver.*Install the driver, or leave CUDA"):
        gpu_libraries.check_libraries(CUDA)


@pytest.mark.parametrize(
    ("provider", "file", "needed", "message"),
    [
        (
            CUDA,
            "libonnxruntime_providers_cuda.so",
            ("libcublas.so.98", "libcublasLt.so.98"),
            r"needs libcublas.so.98, which is not found. Install CUDA 98 and cuDNN",
        ),
        (
            TENSORRT,
            "libonnxruntime_providers_tensorrt.so",
            ("libnvinfer.so.97",),
            r"needs libnvinfer.so.97, .*TensorRT 97 for CUDA .*tensorrt-cu.*-libs==97",
        ),
    ],
)
def test_a_missing_library_is_named_with_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, provider: str, file: str, needed: tuple[str, ...], message: str
) -> None:
    runtime_with(monkeypatch, tmp_path, file, *needed)
    monkeypatch.setattr(gpu_libraries, "DRIVER", "libc.so.6")
    with pytest.raises(ModelError, match=message):
        gpu_libraries.check_libraries(provider)


def test_nothing_is_said_where_all_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runtime_with(monkeypatch, tmp_path, "libonnxruntime_providers_tensorrt.so", "libnvinfer.so.96")
    ctypes.CDLL(str(library(tmp_path / "libnvinfer.so.96")))
    monkeypatch.setattr(gpu_libraries, "DRIVER", "libc.so.6")
    gpu_libraries.check_libraries(TENSORRT)


def test_a_library_in_tensorrts_wheel_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runtime_with(monkeypatch, tmp_path, "libonnxruntime_providers_tensorrt.so", "libnvinfer.so.95")
    (tmp_path / "site" / "tensorrt_libs").mkdir(parents=True)
    (tmp_path / "site" / "tensorrt_libs" / "__init__.py").touch()
    library(tmp_path / "site" / "tensorrt_libs" / "libnvinfer.so.95")
    monkeypatch.setattr(gpu_libraries, "DRIVER", "libc.so.6")
    monkeypatch.syspath_prepend(tmp_path / "site")
    gpu_libraries.check_libraries(TENSORRT)
