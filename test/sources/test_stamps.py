"""Times as data sets write them."""

from __future__ import annotations

import pytest

from vpr_ros.sources.stamps import nanoseconds_in_column, stamp_in_column, stamp_in_name

NS = 1305031102175304000


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
    assert stamp_in_name(text) == stamp_ns


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
        ("1e400", None),
        ("x", None),
    ],
)
def test_in_a_column(text: str, stamp_ns: int | None) -> None:
    assert stamp_in_column(text) == stamp_ns


def test_in_a_column_of_nanoseconds() -> None:
    assert nanoseconds_in_column("5") == 5
    assert nanoseconds_in_column("1305031102175304000") == NS
    assert nanoseconds_in_column("1305031102175304") == NS
    assert nanoseconds_in_column("1305031102175") == 1305031102175_000_000
    assert nanoseconds_in_column("nan") is None
