# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Work done ahead of its consumer, in order: decoding while the network computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

QUESTIONS_AT_ONCE = 2
"""Half of what verifying takes is OpenCV's and the linear algebra's, which run while other Python does; more threads
would wait for each other."""


def ordered_map(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], window: int
) -> Generator[R, None, None]:
    """Like ``map`` on a pool of threads, with at most *window* items begun and not yet given.

    What iterating raises is raised after the results of the items before it.
    """
    begun: deque[Future[R]] = deque()
    failure: BaseException | None = None
    iterator = iter(items)
    try:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            except BaseException as error:  # raised below
                failure = error
                break
            begun.append(pool.submit(function, item))
            if len(begun) >= window:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
        if failure is not None:
            raise failure
    finally:
        for future in begun:
            future.cancel()


def answered(function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """*function* of each of *items*, in their order: of questions to a map, some at a time."""
    with (
        ThreadPoolExecutor(QUESTIONS_AT_ONCE, "vpr_ros-asks") as pool,
        closing(ordered_map(pool, function, items, 2 * QUESTIONS_AT_ONCE)) as answers,
    ):
        yield from answers
