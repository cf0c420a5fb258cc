# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How a model is run, and what is told about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vpr_ros.core.options import check_options, option

TENSORRT = "TensorrtExecutionProvider"
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
PREFERENCE = (TENSORRT, CUDA, CPU)
NEW, BOUND, GRAPH = "new", "bound", "graph"


@dataclass(frozen=True)
class InferenceEvent:
    """One thing worth a line in a log or in the diagnostics.

    Attributes:
        kind: chosen: this provider runs the model from now on. fallback: a provider cannot run it, or not so,
            *message* says why. building, built: a TensorRT engine is on its way, or ready. bound: single images have
            buffers of their own.
        provider: the provider it is about.
        message: one sentence for people.
    """

    kind: Literal["chosen", "fallback", "building", "built", "bound"]
    provider: str
    message: str


def ignore_event(_: InferenceEvent) -> None:
    """The listener of those who do not listen."""


@dataclass(frozen=True)
class InferenceOptions:
    """How to run a model.

    Attributes:
        on_event: hears of choices, fall-backs and engine builds, from any thread.
    """

    providers: tuple[str, ...] = option(
        PREFERENCE,
        "what may run the model (ONNX Runtime execution providers), best first; what is not installed is passed over",
        choices=PREFERENCE,
        when="[CPUExecutionProvider] keeps the GPU for others; without TensorRT no engine is built.",
    )
    threads: int = option(0, "threads of one inference on the CPU; 0 lets ONNX Runtime take every core", minimum=0)
    engine_cache: Path | None = option(
        None,
        "folder for TensorRT engines; without one, vpr_ros/engines in the user's cache folder",
        when="When the user that runs it has no home, or it is not kept between boots.",
    )
    buffers: str = option(
        NEW,
        "memory of the network's input and output for a single image: new every time, bound to memory made once where "
        "the provider computes, or graph, which also replays CUDA's launches as one",
        choices=(NEW, BOUND, GRAPH),
        when="On an NVIDIA GPU, for a network of a few milliseconds; graph loads it twice. It is compared with new at "
        "the start, and new answers where both differ or it does not work.",
    )
    on_event: Callable[[InferenceEvent], None] = ignore_event

    def __post_init__(self) -> None:
        """Refuse what is none of the choices.

        Raises:
            ConfigError: see ``Option.checked``.
        """
        check_options(self)


class EventLog:
    """Keeps every event and passes it on.

    Args:
        listener: hears each event too.
    """

    def __init__(self, listener: Callable[[InferenceEvent], None] = ignore_event) -> None:
        self._listener = listener
        self._events: list[InferenceEvent] = []

    def __call__(self, event: InferenceEvent) -> None:
        """Take note of *event*."""
        self._events.append(event)
        self._listener(event)

    @property
    def events(self) -> tuple[InferenceEvent, ...]:
        """What happened so far, oldest first."""
        return tuple(self._events)
