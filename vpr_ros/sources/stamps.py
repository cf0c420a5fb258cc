"""Times as data sets write them: seconds, milliseconds, microseconds or nanoseconds, in file names and in columns.

A unit is a property of a whole column: a single number may be seconds since 1970 or nanoseconds since the start, a
column of them tells by its steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from itertools import pairwise
from statistics import median
from typing import Final

from vpr_ros.core.errors import SourceError
from vpr_ros.core.time_ns import NS_PER_S

LARGEST_NS: Final = 2**63 - 1
_THIS_CENTURY_S: Final = (Decimal(10) ** 9, Decimal("4.2e9"))
"""Since 1970: from 2001 to 2103. Times since 1970 in different units lie a factor of 1000 apart, these bands never
touch."""
_LONGEST_STEP_S: Final = 3600
"""Between poses or images: a unit that makes the usual step longer is the wrong one, where another fits."""
_CAMERA_STEP_S: Final = (0.001, 60.0)
_SHORTEST_NAME: Final = 13
"""Digits of a whole number that is a time in a file name; shorter ones are frame numbers."""
_NANOSECOND_NAME: Final = 15  # fewer digits would be a time before 1970-01-12
_SECONDS_NAME: Final = 10


class TimeUnit(Enum):
    """A unit of time and how many nanoseconds it has."""

    SECONDS = NS_PER_S
    MILLISECONDS = 1_000_000
    MICROSECONDS = 1_000
    NANOSECONDS = 1

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.name.lower()


@dataclass(frozen=True)
class StampColumn:
    """Times and the unit they were read in.

    Attributes:
        stamps_ns: in the order of the column.
        unit: what was taken.
        note: one sentence where that is not what one would expect, else "".
    """

    stamps_ns: list[int]
    unit: TimeUnit
    note: str = ""


def read_stamps(
    origin: str,
    cells: Sequence[tuple[int, str]],
    refuse: Callable[[int], SourceError],
    said: TimeUnit | None = None,
) -> StampColumn:
    """Read a column of times, exactly, in the one unit that fits all of it.

    Args:
        origin: file, for messages.
        cells: number (of the line, or of the name) and text of each time.
        refuse: makes the error for the cell of that index, which is no time.
        said: the unit the format or the header names; None expects seconds.

    Raises:
        SourceError: a cell is no time of 0 or more, or the column changes its unit.
    """
    values: list[Decimal] = []
    for index, (_, text) in enumerate(cells):
        value = _decimal(text)
        if value is None:
            raise refuse(index)
        values.append(value)
    _refuse_mixed_units(origin, cells, values)
    unit = _unit(values, said)
    stamps_ns = []
    for index, value in enumerate(values):
        if value * unit.value > LARGEST_NS:
            raise refuse(index)
        stamps_ns.append(int(value * unit.value))
    expected = said or TimeUnit.SECONDS
    note = f"times of {origin} are read as {unit.label}" if cells and unit is not expected else ""
    return StampColumn(stamps_ns, unit, note)


def stamps_in_names(stems: Sequence[str]) -> StampColumn | None:
    """Read the stems of file names as times; None where one of them is none.

    Times are numbers with a point, and whole numbers of 13 or 15 digits and more. Whole numbers of 10 digits are
    seconds where all are times of this century that run forward without long pauses. Others are frame numbers, and so
    are 13 digits that begin with 0.

    Raises:
        SourceError: the unit changes among them.
    """
    if not stems or not (all(map(_is_time_in_name, stems)) or _are_seconds(stems)):
        return None
    whole = all("." not in stem and len(stem) > _SECONDS_NAME for stem in stems)
    said = TimeUnit.NANOSECONDS if whole else TimeUnit.SECONDS
    try:
        return read_stamps("the file names", list(enumerate(stems, 1)), lambda _: _NoTimesError(), said)
    except _NoTimesError:
        return None


class _NoTimesError(SourceError):
    def __init__(self) -> None:
        super().__init__("a name is no time", "Rename it")


def _is_time_in_name(stem: str) -> bool:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", stem):
        return False
    return "." in stem or len(stem) >= _NANOSECOND_NAME or (len(stem) == _SHORTEST_NAME and not stem.startswith("0"))


def _are_seconds(stems: Sequence[str]) -> bool:
    """Whole seconds since 1970, as a clock gives them: more than one, forward, in steps of at most an hour."""
    if len(stems) < 2 or not all(re.fullmatch(rf"[1-9][0-9]{{{_SECONDS_NAME - 1}}}", stem) for stem in stems):
        return False
    seconds = sorted(map(int, stems))
    steps = [after - before for before, after in pairwise(seconds)]
    return seconds[-1] < _THIS_CENTURY_S[1] and min(steps) > 0 and max(steps) <= _LONGEST_STEP_S


def _unit(values: Sequence[Decimal], said: TimeUnit | None) -> TimeUnit:
    """The unit in which *values* are times of this century with steps of a drive; else what was said, or seconds."""
    steps = [float(after - before) for before, after in pairwise(values) if after > before]
    step = median(steps) if steps else None
    bands = {_band(value) for value in values}
    band = next(iter(bands)) if len(bands) == 1 else None
    said_fits = step is not None and said is not None and _fits(step, said)
    if band is not None and not (said_fits and step is not None and _seconds(step, band) > _CAMERA_STEP_S[1]):
        return band
    expected = said or TimeUnit.SECONDS
    if any(value != value.to_integral_value() for value in values):
        return TimeUnit.SECONDS if expected is TimeUnit.NANOSECONDS else expected
    if step is None or expected is TimeUnit.NANOSECONDS or _seconds(step, expected) <= _LONGEST_STEP_S:
        return expected
    # Whole numbers that count from a start, too far apart: finer units, where their steps are those of a camera.
    finer = (unit for unit in (TimeUnit.NANOSECONDS, TimeUnit.MICROSECONDS) if _fits(step, unit))
    return next(finer, expected)


def _refuse_mixed_units(origin: str, cells: Sequence[tuple[int, str]], values: Sequence[Decimal]) -> None:
    """A clock that counts from 0 in nanoseconds passes through every band, but leaps from none to another."""
    bands = [_band(value) for value in values]
    for index, (before, after) in enumerate(pairwise(bands)):
        if before is not None and after is not None and before is not after:
            (line, text), (next_line, next_text) = cells[index : index + 2]
            raise SourceError(
                f"{origin}: {text} (line {line}) is {before.label} since 1970, {next_text} (line {next_line}) is "
                f"{after.label}",
                "Write all times in one unit",
            )


def _band(value: Decimal) -> TimeUnit | None:
    """The unit in which *value* is a time of this century, counted from 1970."""
    low, high = _THIS_CENTURY_S
    return next((unit for unit in TimeUnit if low <= value * unit.value / NS_PER_S < high), None)


def _seconds(step: float, unit: TimeUnit) -> float:
    return step * unit.value / NS_PER_S


def _fits(step: float, unit: TimeUnit) -> bool:
    return _CAMERA_STEP_S[0] <= _seconds(step, unit) <= _CAMERA_STEP_S[1]


def _decimal(text: str) -> Decimal | None:
    """A number from 0 to what fits as nanoseconds; one of a million digits is none."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value <= LARGEST_NS else None
