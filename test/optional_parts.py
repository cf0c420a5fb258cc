# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a test may do without: packages that no ROS distribution brings, or that only the trainer needs.

``colcon test`` runs with what rosdep installs from package.xml. A test that needs more is skipped and says what;
the name of a package that is missing from here stays a failure.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

TRAINER = "pip install '.[train]'"
TOOLS = "pip install '.[test]'"
OPTIONAL = {
    "onnxruntime": "pip install onnxruntime",
    "rclpy": "source ROS 2, or pip install '.[ros]'",
    **dict.fromkeys(("mcap", "mcap_ros2", "milvus", "onnx", "pymilvus", "rosbags.image"), TOOLS),
    **dict.fromkeys(
        (
            "google", "jsonargparse", "lightning", "onnxscript", "pytorch_metric_learning", "safetensors",
            "tensorboard", "timm", "torch", "torchvision",
        ),
        TRAINER,
    ),
}  # fmt: skip


def what_is_missing(error: BaseException | None) -> str | None:
    """Say what to install where *error*, or what caused it, is that an optional package is not there."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # a chain may come back to itself
        seen.add(id(error))
        missing = f"{error.name}." if isinstance(error, ModuleNotFoundError) else ""
        for name, remedy in OPTIONAL.items():
            if missing.startswith(f"{name}."):
                return f"needs {name}: {remedy}"
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def imports_of_optional_parts() -> Iterator[None]:
    """Let a conftest.py do without: pytest ends where one cannot be imported, and the tests beside it say why."""
    try:
        yield
    except ModuleNotFoundError as error:
        if what_is_missing(error) is None:
            raise


def need(name: str) -> None:
    """Skip a test whose processes, not it itself, import the optional package *name*."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs {name}: {OPTIONAL[name]}", allow_module_level=True)
