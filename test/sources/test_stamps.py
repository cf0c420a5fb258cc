# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Times as data sets write them: the unit is that of the whole column, and what was taken is said."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

import pytest

from vpr_ros.core.errors import SourceError
from vpr_ros.sources.stamps import StampColumn, TimeUnit, read_stamps, stamps_in_names

NS = 1305031102175304000
S, MS, US, N = TimeUnit.SECONDS, TimeUnit.MILLISECONDS, TimeUnit.MICROSECONDS, TimeUnit.NANOSECONDS


def read(cells: Sequence[object], said: TimeUnit | None = None) -> StampColumn:
    numbered = [(line, str(cell)) for line, cell in enumerate(cells, 1)]
    return read_stamps("p.txt", numbered, lambda index: SourceError(f"cell {index} is no time", "Correct it"), said)


@pytest.mark.parametrize(
    ("text", "stamp_ns"),
    [
        ("1305031102.175304", NS),
        ("1305031102175", 1305031102175_000_000),
        ("1305031102175304", NS),
        ("1305031102175304000", NS),
        ("123456789012345", 123456789012345),  # a clock of nanoseconds that started at 0
        ("0000000000123", None),
        ("000042", None),
        ("1000000000", None),
        ("frame0001", None),
        ("1_0.5", None),
        ("9" * 25, None),
    ],
)
def test_in_a_file_name(text: str, stamp_ns: int | None) -> None:
    column = stamps_in_names([text])
    assert (None if column is None else column.stamps_ns) == (None if stamp_ns is None else [stamp_ns])


def test_names_of_a_folder_are_read_together() -> None:
    uptime = [1_500_000_000_000 + 33_000_000 * k for k in range(4)]  # 25 minutes since the start, not the year 2017
    column = stamps_in_names([str(name) for name in uptime])
    assert column is not None
    assert column.stamps_ns == uptime
    seconds = stamps_in_names(["1700000000", "1700000001", "1700000003"])
    assert seconds is not None
    assert seconds.stamps_ns == [1700000000 * 10**9, 1700000001 * 10**9, 1700000003 * 10**9]
    assert stamps_in_names(["1000000000", "1000100000"]) is None  # numbers of frames, 28 hours apart if they were times
    assert stamps_in_names(["1700000000", "1700000000000"]) is None
    assert stamps_in_names(["1700000000.5", "frame"]) is None
    with pytest.raises(SourceError, match=r"1700000000500000000 \(line 2\) is nanoseconds"):
        stamps_in_names(["1700000000000000", "1700000000500000000"])


@pytest.mark.parametrize(
    ("text", "stamp_ns"),
    [
        ("1305031102.175304", NS),
        ("1.305031102175304000e+09", NS),
        ("1305031102175.304", NS),
        ("1305031102175304", NS),
        ("1305031102175304000", NS),
        ("2", 2_000_000_000),
        ("nan", None),
        ("inf", None),
        ("-1", None),
        ("1e400", None),
        ("1e999999999", None),
        ("1e-999999999", 0),
        ("9" * 5000, None),
        ("99999999999", None),  # the year 5138: more nanoseconds than 63 bits hold
        ("x", None),
        ("", None),
    ],
)
def test_a_single_time(text: str, stamp_ns: int | None) -> None:
    if stamp_ns is None:
        with pytest.raises(SourceError, match="cell 0 is no time"):
            read([text])
    else:
        assert read([text]).stamps_ns == [stamp_ns]


@pytest.mark.parametrize(
    ("cells", "said", "unit"),
    [
        ([f"{1700000000 + 0.2 * k:.6f}" for k in range(5)], N, S),
        ([1700000000 + k for k in range(5)], N, S),
        ([1700000000], N, S),
        ([0.0, 0.2, 0.4], N, S),
        ([1700000000000 + 50 * k for k in range(5)], N, MS),
        ([1700000000000000 + 50_000 * k for k in range(5)], N, US),
        ([1700000000000 + 50 * k for k in range(5)], None, MS),
        ([NS + 33_000_000 * k for k in range(5)], None, N),
        ([NS + 33_000_000 * k for k in range(5)], S, N),
        ([33_333_333 * k for k in range(5)], None, N),  # counted from the start
        ([33_333 * k for k in range(5)], None, US),
        # Nanoseconds that only look like seconds or milliseconds of this century, by their steps.
        ([2_000_000_000 + 33_000_000 * k for k in range(5)], N, N),
        ([1_500_000_000_000 + 33_000_000 * k for k in range(5)], N, N),
        ([5, 9, 11], N, N),
        ([0, 1, 2], None, S),
        ([1700000000 + 86400 * k for k in range(5)], None, S),  # a picture a day
    ],
)
def test_a_column_is_read_in_the_unit_of_its_size_and_steps(
    cells: list[float], said: TimeUnit | None, unit: TimeUnit
) -> None:
    column = read(cells, said)
    assert column.unit is unit
    assert column.stamps_ns == [int(Decimal(str(cell)) * unit.value) for cell in cells]
    expected = "" if unit is (said or S) else f"times of p.txt are read as {unit.label}"
    assert column.note == expected


def test_a_clock_in_nanoseconds_that_grows_through_every_size_stays_one() -> None:
    cells = [10**8, 2 * 10**9, 8 * 10**10, 10**12, 3 * 10**12, 9 * 10**14, 2 * 10**15]
    assert read(cells, N).stamps_ns == cells


@pytest.mark.parametrize("said", [None, S, N])
def test_a_column_that_changes_its_unit_is_refused(said: TimeUnit | None) -> None:
    with pytest.raises(
        SourceError,
        match=r"p\.txt: 1700000000\.4 \(line 2\) is seconds since 1970, 1700000000600 \(line 3\) is milliseconds",
    ):
        read(["1700000000.2", "1700000000.4", "1700000000600"], said)


def test_a_million_digits_cost_nothing() -> None:
    started = time.monotonic()
    with pytest.raises(SourceError):
        read(["1" * 1_000_000])
    assert time.monotonic() - started < 5
