# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One image through a network whose input and outputs lie in memory made once, on the device that computes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from vpr_ros.inference.options import CUDA

Arrays = Mapping[str, npt.NDArray[Any]]


class BoundRun:
    """Runs a session on images of one shape; from several threads, one after the other.

    Attributes:
        failed: whether a run has failed, after which none is tried.

    Where the session was opened with ``enable_cuda_graph``, ONNX Runtime captures what a thread's second run launches
    and replays it from then on: that needs the same memory every time.

    Args:
        session: what runs.
        provider: which computes, and in whose memory the buffers lie.
        given: name of each input -> an array of its shape and type.
        found: the same of the outputs.
        on_failure: is told once why a run failed; whoever calls has to run it another way from then on.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        provider: str,
        given: Arrays,
        found: Arrays,
        on_failure: Callable[[str], None],
    ) -> None:
        device = "cuda" if provider == CUDA else "cpu"
        self._session, self._binding = session, session.io_binding()
        self._given = {name: _value(array, device) for name, array in given.items()}
        self._found = {name: _value(array, device) for name, array in found.items()}
        for name, value in self._given.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in self._found.items():
            self._binding.bind_ortvalue_output(name, value)
        self._shapes = {name: array.shape for name, array in given.items()}
        self._on_failure = on_failure
        self.failed = False
        self._one_at_a_time = threading.Lock()

    def fits(self, name: str, array: npt.NDArray[Any]) -> bool:
        """Whether *array* can be the input *name*, as long as no run has failed."""
        return not self.failed and array.shape == self._shapes[name]

    def __call__(self, given: Arrays, outputs: Sequence[str]) -> list[npt.NDArray[Any]] | None:
        """Arrays for every input -> those of *outputs*, the caller's own; None where the run failed."""
        with self._one_at_a_time:
            try:
                for name, array in given.items():
                    self._given[name].update_inplace(np.ascontiguousarray(array))
                self._session.run_with_iobinding(self._binding)
                return [np.array(self._found[name].numpy()) for name in outputs]
            except Exception as error:  # ONNX Runtime raises a class of its own per status code
                already, self.failed = self.failed, True
                if not already:
                    self._on_failure(str(error))
                return None


def _value(array: npt.NDArray[Any], device: str) -> onnxruntime.OrtValue:
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.array(array), device, 0)
