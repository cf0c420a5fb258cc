"""The shared libraries behind a GPU provider: looked for before the provider is asked, and named when they are missing.

Asked without them, ONNX Runtime prints two screens and builds a session on the CPU instead, as if that were wanted.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import mmap
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import onnxruntime

from vpr_ros.core.errors import ModelError
from vpr_ros.inference.options import CUDA, TENSORRT

DRIVER: Final = "libcuda.so.1"
_LIBRARY_OF: Final = {CUDA: "libonnxruntime_providers_cuda.so", TENSORRT: "libonnxruntime_providers_tensorrt.so"}
_NEEDED_BY: Final = {
    CUDA: ("libcublas", "libcurand"),
    TENSORRT: ("libcublas", "libcudnn", "libnvinfer", "libnvonnxparser"),
}
"""How the libraries are called that each provider cannot start without; which version, its own file says."""
_COMPUTE_CAPABILITY: Final = (75, 76)
"""The driver's numbers for the two halves of it, ``CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR`` and ``_MINOR``."""


def check_libraries(provider: str) -> None:
    """See that everything is there that *provider* loads; what pip installed is found without any path being set.

    Raises:
        ModelError: a library is missing; the message names it and what brings it.
    """
    needed = _needed(provider)
    if not needed:  # the CPU's, one built into the runtime, or one whose file lies elsewhere: it has to say itself
        return
    if not _loads(DRIVER):
        raise ModelError(
            f"{provider} needs the NVIDIA driver, whose {DRIVER} is not found",
            f"Install the driver, or leave {provider} out of the providers where there is no NVIDIA GPU",
        )
    _preload_cuda()
    for name in needed:
        if not _loads(name) and not _loads_from_wheel(name):
            raise ModelError(f"{provider} needs {name}, which is not found", _remedy(provider, needed))


def _needed(provider: str) -> list[str]:
    """Names of the libraries with their versions, as the provider's own file spells them."""
    file = Path(onnxruntime.__file__).parent / "capi" / _LIBRARY_OF.get(provider, "")
    if not file.is_file():
        return []
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = {match[1].decode() for match in re.finditer(rb"\0(lib[\w+-]+\.so\.\d+)(?=\0)", content)}
    return sorted(name for name in found if name.startswith(_NEEDED_BY[provider]))


def _preload_cuda() -> None:
    """Let ONNX Runtime load CUDA and cuDNN from the wheels it was installed with; older ones cannot."""
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return
    with contextlib.redirect_stdout(io.StringIO()):  # what it misses is named once, by check_libraries
        preload()


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _loads_from_wheel(name: str) -> bool:
    """TensorRT's wheel keeps its libraries in a package of their own, where no loader looks."""
    wheel = find_spec("tensorrt_libs")
    folders = [] if wheel is None else wheel.submodule_search_locations or []
    return any(_loads(str(Path(folder) / name)) for folder in folders)


def _remedy(provider: str, needed: list[str]) -> str:
    version_of = {name.partition(".so.")[0]: name.partition(".so.")[2] for name in needed}
    cuda = version_of.get("libcublas", "")
    if provider == TENSORRT:
        tensorrt = version_of.get("libnvinfer", "")
        return (
            f"Install TensorRT {tensorrt} for CUDA {cuda} (`pip install 'tensorrt-cu{cuda}-libs=={tensorrt}.*'`; on a "
            f"Jetson it comes with JetPack), or leave {provider} out of the providers"
        )
    return (
        f"Install CUDA {cuda} and cuDNN (`pip install 'onnxruntime-gpu[cuda,cudnn]'`; on a Jetson they come with "
        f"JetPack), or leave {provider} out of the providers"
    )


def installed_tensorrt() -> str:
    """Version of the TensorRT that ONNX Runtime loads, after ``check_libraries``; "unknown" where there is none."""
    for name in _needed(TENSORRT):
        if name.startswith("libnvinfer.so"):
            with contextlib.suppress(OSError, AttributeError):
                number = int(ctypes.CDLL(name).getInferLibVersion())  # 10.3.0 is 100300; 8.6.2 was 8602
                major, rest = divmod(number, 10000 if number >= 10 * 10000 else 1000)
                return f"{major}.{rest // 100}.{rest % 100}"
    return "unknown"


def installed_gpu() -> str:
    """Name and compute capability of the first GPU, e.g. "Orin (8.7)"; "unknown" where there is none."""
    try:
        cuda = ctypes.CDLL(DRIVER)
        name, major, minor = ctypes.create_string_buffer(256), ctypes.c_int(), ctypes.c_int()
        failed = cuda.cuInit(0) or cuda.cuDeviceGetName(name, len(name), 0)
        for attribute, value in zip(_COMPUTE_CAPABILITY, (major, minor), strict=True):
            failed = failed or cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, 0)
    except (OSError, AttributeError):
        return "unknown"
    return "unknown" if failed else f"{name.value.decode(errors='replace')} ({major.value}.{minor.value})"
