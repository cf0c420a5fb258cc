# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Work side by side that ends when it should."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from vpr_ros.training.progress import Update


@contextmanager
def stoppable_pool(threads: int) -> Iterator[tuple[ThreadPoolExecutor, Update]]:
    """A pool, and an update for its jobs that ends them once the block is left by an error or by Ctrl-C."""
    stopped = Event()

    def unless_stopped(_done: int, _total: int) -> None:
        if stopped.is_set():
            raise CancelledError

    with ThreadPoolExecutor(threads) as pool:
        try:
            yield pool, unless_stopped
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
