# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Work done ahead: order, bounds and errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from vpr_ros.mapping.overlap import answered, ordered_map

DEADLINE_S = 20.0


def test_results_keep_their_order_though_the_first_ends_last() -> None:
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_done.wait(DEADLINE_S)
        if item == 1:
            second_done.set()
        return item * item

    with ThreadPoolExecutor(2) as pool:
        assert list(ordered_map(pool, work, range(6), 3)) == [0, 1, 4, 9, 16, 25]


def test_no_more_is_begun_than_the_window() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    with ThreadPoolExecutor(1) as pool:
        results = ordered_map(pool, lambda item: item, items(), 4)
        assert next(results) == 0
        assert len(taken) == 4


def test_an_error_of_the_work_reaches_the_consumer() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        list(ordered_map(pool, lambda item: 1 // item, [1, 0], 2))


def test_an_error_of_the_items_reaches_the_consumer_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise RuntimeError("torn")

    with ThreadPoolExecutor(1) as pool:
        results = ordered_map(pool, lambda item: item, items(), 4)
        assert next(results) == 1
        with pytest.raises(RuntimeError, match="torn"):
            next(results)


def test_questions_are_answered_in_their_order_and_side_by_side() -> None:
    both = threading.Barrier(2)

    def answer(question: int) -> int:
        both.wait(DEADLINE_S)
        return -question

    assert list(answered(answer, range(4))) == [0, -1, -2, -3]
