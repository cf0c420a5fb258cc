"""How a model is run, and what is told about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TENSORRT = "TensorrtExecutionProvider"
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
PREFERENCE = (TENSORRT, CUDA, CPU)


@dataclass(frozen=True)
class InferenceEvent:
    """One thing worth a line in a log or in the diagnostics.

    Attributes:
        kind: chosen: this provider runs the model from now on. fallback: a provider cannot run it, *message* says
            why. building, built: a TensorRT engine is on its way, or ready.
        provider: the provider it is about.
        message: one sentence for people.
    """

    kind: Literal["chosen", "fallback", "building", "built"]
    provider: str
    message: str


def ignore_event(_: InferenceEvent) -> None:
    """The listener of those who do not listen."""


@dataclass(frozen=True)
class InferenceOptions:
    """How to run a model.

    Attributes:
        providers: ONNX Runtime execution providers to consider, best first; those not installed are passed over.
        threads: threads of one inference on the CPU; 0 lets ONNX Runtime take every core.
        engine_cache: folder for TensorRT engines and timings; None takes ``vpr_ros`` in the user's cache folder.
        on_event: hears of choices, fall-backs and engine builds, from any thread.
    """

    providers: tuple[str, ...] = PREFERENCE
    threads: int = 0
    engine_cache: Path | None = None
    on_event: Callable[[InferenceEvent], None] = ignore_event


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
