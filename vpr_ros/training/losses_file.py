# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Every loss of a run on disk, and the mean of some of them told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vpr_ros.core.disk import writing
from vpr_ros.core.errors import TrainingError

TOLD_EVERY = 50


class LossesFile:
    """Hears of every step.

    Args:
        path: CSV file; an older one is replaced.
        steps: of the whole run.
        tell: hears one line now and then.
    """

    def __init__(self, path: Path, steps: int, tell: Callable[[str], None]) -> None:
        self._path = path
        self._steps = steps
        self._tell = tell
        self._recent: list[float] = []
        with writing(path, TrainingError):
            path.write_text("step,loss\n")

    def __call__(self, step: int, loss: float, *_: object) -> None:
        """Take note of one step."""
        self._recent.append(loss)
        with writing(self._path, TrainingError), self._path.open("a") as stream:
            stream.write(f"{step},{loss:.6f}\n")
        if len(self._recent) == TOLD_EVERY:
            self._tell(f"step {step + 1}/{self._steps}: loss {np.mean(self._recent):.4f}")
            self._recent.clear()
