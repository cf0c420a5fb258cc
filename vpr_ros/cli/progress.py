# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A progress bar on stderr, so that stdout stays for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

COUNT = "{task.completed:.0f}/{task.total:.0f}"
"""rich has a column for it, but not the rich of Ubuntu 22.04."""


@contextmanager
def progress_bar(what: str, then: str | None = None) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with (done, total). Draws nothing where stderr is no terminal.

    Args:
        what: is done.
        then: what is done once *done* starts again; the time left is that of this step.
    """
    console = Console(stderr=True)
    if not console.is_terminal:  # an older rich says an empty line there, disabled or not
        yield lambda _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn(COUNT), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=0, visible=False)

        def update(done: int, total: int) -> None:
            if done < bar.tasks[0].completed:
                bar.reset(task, description=then or what)  # and forgets how fast it was
            bar.update(task, completed=done, total=total, visible=True)

        yield update
