# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
