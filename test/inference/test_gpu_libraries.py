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


def library(path: Path, *needed: str, code: str = "") -> Path:
    """Compile a shared library of *code* that names *needed* as the ones it loads, as a provider's file does."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    stubs = [library(path.parent / name) for name in needed]
    command = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-Wl,--no-as-needed", *map(str, stubs)]
    subprocess.run([*command, f"-Wl,-soname,{path.name}", "-o", str(path)], check=True, input=code, text=True)
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


@pytest.mark.parametrize(("number", "version"), [(101305, "10.13.5"), (100300, "10.3.0"), (8602, "8.6.2")])
def test_the_installed_tensorrt_says_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, version: str
) -> None:
    name = f"libnvinfer.so.{number}"
    runtime_with(monkeypatch, tmp_path, "libonnxruntime_providers_tensorrt.so", name)
    assert gpu_libraries.installed_tensorrt() == "unknown"
    code = f"int getInferLibVersion(void) {{ return {number}; }}"
    ctypes.CDLL(str(library(tmp_path / name, code=code)))
    assert gpu_libraries.installed_tensorrt() == version


DRIVER = """
int cuInit(int flags) { return %d; }
int cuDeviceGetName(char *name, int size, int device) { name[0] = 'O'; name[1] = 'k'; name[2] = 0; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 8 : 7; return 0; }
"""


@pytest.mark.parametrize(("status", "gpu"), [(0, "Ok (8.7)"), (100, "unknown")])
def test_the_gpu_says_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, gpu: str) -> None:
    monkeypatch.setattr(gpu_libraries, "DRIVER", str(library(tmp_path / f"libgpu{status}.so", code=DRIVER % status)))
    assert gpu_libraries.installed_gpu() == gpu
    monkeypatch.setattr(gpu_libraries, "DRIVER", "libcuda_that_is_nowhere.so.1")
    assert gpu_libraries.installed_gpu() == "unknown"
