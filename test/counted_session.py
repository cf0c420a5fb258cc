# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A real session of a network that gives both, which remembers what it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tiny_local_onnx import local_info, whole_info, write_local_model

from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import CPU
from vpr_ros.inference.session import ModelSession


class CountedSession(ModelSession):
    """Notes the images and the outputs of every run of the network."""

    def __init__(self, path: Path, only: Sequence[str] | None = None) -> None:
        self.runs: list[tuple[int, tuple[str, ...]]] = []
        super().__init__(path, CPU, {}, 1, only=only)

    def _run(self, batch: npt.NDArray[np.float32], outputs: Sequence[str]) -> list[npt.NDArray[Any]]:
        self.runs.append((len(batch), tuple(outputs)))
        return super()._run(batch, outputs)


def write_both(path: Path, batch: int | str = "batch") -> Path:
    """A network that describes pictures of the painted wall, but for black ones, and finds their corners."""
    seen = replace(local_info().preprocessing, mean=(0.0, 0.0, 0.0), std=(0.5, 0.5, 0.5))
    return write_local_model(path, replace(local_info(), preprocessing=seen), whole=whole_info(seen), batch=batch)


def counted_extractor(path: Path) -> tuple[OnnxExtractor, CountedSession]:
    """What runs *path*, and its session."""
    session = CountedSession(path)
    return OnnxExtractor(session, "b" * 64), session
