# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A progress bar on stderr, so that stdout stays for results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from vpr_ros.mapping.usable_frames import Progress

COUNT = "{task.completed:.0f}/{task.total:.0f}"
"""rich has a column for it, but not the rich of Ubuntu 22.04."""


@contextmanager
def progress_bar(what: str, then: str | None = None) -> Iterator[Progress]:
    """Yield what is told how far *what* is. Draws nothing where stderr is no terminal.

    Args:
        what: is done.
        then: what is done once it starts again; the time left is that of this step.
    """
    console = Console(stderr=True)
    if not console.is_terminal:  # an older rich says an empty line there, disabled or not
        yield _nothing
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn(COUNT), TimeRemainingColumn())
    with Bar(*columns, console=console) as bar:
        task = bar.add_task(what, total=0, visible=False)

        def update(done: int, total: int, stage: str = "", /) -> None:
            nonlocal what
            if done < bar.tasks[0].completed:
                what = then or what
                bar.reset(task)  # another job: the time that the last one took says nothing of it
            words = f"{what}: {stage}" if stage else what
            bar.update(task, description=words, completed=done, total=total, visible=True)

        yield update


def _nothing(_done: int, _total: int, _stage: str = "", /) -> None:
    pass
