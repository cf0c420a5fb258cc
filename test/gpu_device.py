# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which device the tests marked ``gpu`` run on, and what they say of it.

``VPR_ROS_GPU_STAND_IN=cpu`` lets the CPU stand in for a GPU: a rehearsal of the tests themselves, which says nothing of
any GPU.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import pytest

Record = Callable[[str, object], None]
"""pytest's ``record_property``: what is recorded as "figure" stands in the table of scripts/check_gpu.sh."""
STANDS_IN = os.environ.get("VPR_ROS_GPU_STAND_IN") == "cpu"


def provider() -> str:
    """The execution provider under test; skips where this onnxruntime is without it."""
    import onnxruntime

    from vpr_ros.inference.options import CPU, CUDA

    if not STANDS_IN and CUDA not in onnxruntime.get_available_providers():
        pytest.skip(f"this onnxruntime has no {CUDA}: install onnxruntime-gpu in its place")
    return CPU if STANDS_IN else CUDA


def torch_device() -> str:
    """The device torch trains on; skips where this torch is without CUDA."""
    torch = pytest.importorskip("torch", reason="needs the extra .[train]")
    if not STANDS_IN and not torch.cuda.is_available():
        pytest.skip(f"this torch ({torch.__version__}) does not reach the GPU")
    return "cpu" if STANDS_IN else "cuda"


def needs_the_real_one() -> None:
    """Skip where the CPU stands in."""
    if STANDS_IN:
        pytest.skip("the CPU that stands in cannot show it")


def p50_ms(run: Callable[[], object], times: int = 60, warm_up: int = 10) -> float:
    """Median of so many runs; a few where the CPU stands in."""
    times, warm_up = (3, 1) if STANDS_IN else (times, warm_up)
    found: list[float] = []
    for _ in range(times + warm_up):
        start_s = time.perf_counter()
        run()
        found.append(1e3 * (time.perf_counter() - start_s))
    return float(np.median(found[warm_up:]))
