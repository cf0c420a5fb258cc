"""A clock in the hands of the test, in place of the one a module reads."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest


class HandClock:
    """Stands still at ``now_s``, or goes on by *step_s* whenever somebody reads it."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now_s = 1000.0
        self._step_s = step_s

    def __call__(self) -> float:
        self.now_s += self._step_s
        return self.now_s


def take_clock(monkeypatch: pytest.MonkeyPatch, module: ModuleType, step_s: float = 0.0) -> HandClock:
    """Make *module* read a clock of ours as ``time.monotonic``."""
    clock = HandClock(step_s)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    return clock
