"""Times as data sets write them: seconds, milliseconds, microseconds or nanoseconds, in file names and in columns."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

NANOSECONDS: Final = 1_000_000_000
LARGEST_NS: Final = 2**63 - 1
_NS_PER_UNIT_BY_DIGITS: Final = {13: 1_000_000, 16: 1_000}
"""Milliseconds and microseconds since 1970 have 13 and 16 digits from 2001 to 2286."""
_NANOSECOND_DIGITS: Final = 15  # fewer digits would be a time before 1970-01-12
_NS_PER_UNIT_FROM: Final = ((Decimal(10) ** 17, 1), (Decimal(10) ** 14, 1_000), (Decimal(10) ** 11, 1_000_000))


def stamp_in_name(text: str) -> int | None:
    """Read the stem of a file name as a time in nanoseconds; None where it is none.

    ``1305031102.175304`` is in seconds, ``1305031102175`` (13 digits) in milliseconds, ``1305031102175304`` (16) in
    microseconds, ``1305031102175304000`` and any other number of 15 digits or more in nanoseconds. Shorter whole
    numbers, and 13 digits that begin with 0, are frame numbers.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return None
    if "." in text:
        return stamp_in_column(text)
    unit_ns = None if text.startswith("0") else _NS_PER_UNIT_BY_DIGITS.get(len(text))
    if unit_ns is None:
        unit_ns = 1 if len(text) >= _NANOSECOND_DIGITS else None
    return None if unit_ns is None else _in_range(Decimal(text) * unit_ns)


def stamp_in_column(text: str) -> int | None:
    """Read a column of times as nanoseconds, exactly; None where it is no time.

    A number below 1e11 is in seconds, below 1e14 in milliseconds, below 1e17 in microseconds, above in nanoseconds:
    clocks since 1970 are told apart, clocks that start at 0 are in seconds.
    """
    value = _decimal(text)
    if value is None:
        return None
    unit_ns = next((unit_ns for least, unit_ns in _NS_PER_UNIT_FROM if value >= least), NANOSECONDS)
    return _in_range(value * unit_ns)


def nanoseconds_in_column(text: str) -> int | None:
    """Read a column that is said to hold nanoseconds; 13 and 16 digits are milli- and microseconds all the same."""
    value = _decimal(text)
    if value is None:
        return None
    return _in_range(value * _NS_PER_UNIT_BY_DIGITS.get(len(text), 1))


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value >= 0 else None


def _in_range(value_ns: Decimal) -> int | None:
    return int(value_ns) if value_ns <= LARGEST_NS else None
