# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a terminal shows of a command that takes its time."""

from __future__ import annotations

from functools import partial
from io import StringIO

import pytest
from rich.console import Console

from vpr_ros.cli import progress


def test_a_step_that_follows_has_a_name_and_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = StringIO()
    monkeypatch.setattr(progress, "Console", partial(Console, file=shown, force_terminal=True, width=100))
    with progress.progress_bar("building", then="calibrating") as told:
        told(1, 5)
        told(5, 5)
        told(1, 30)
    assert "calibrating" in shown.getvalue() and "1/30" in shown.getvalue()
