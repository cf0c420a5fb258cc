# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Typed, bounded values out of the plain YAML of a manifest: YAML gives dates, infinities and lists for anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from vpr_ros.core.model_info import LONGEST_TEXT

LARGEST_COUNT = 2**62
LARGEST_FRAMES = 10**8
LARGEST_POSITION_M = 1e9
"""Far beyond any metric frame on Earth; its square is still a number."""


def entry(plain: object, key: str) -> Any:
    """Take the value of *key* from what should be a table.

    Raises:
        KeyError: there is none.
        TypeError: *plain* is no table.
    """
    if not isinstance(plain, Mapping):
        raise TypeError(f"{shown(plain)} stands where a table with {key!r} belongs")
    return plain[key]


def text(plain: object, key: str) -> str:
    """Take a short text. A number or a date is text that somebody wrote without quotes.

    Raises:
        KeyError, TypeError, ValueError: missing, of another kind, or too long.
    """
    value = entry(plain, key)
    if isinstance(value, bool) or not isinstance(value, str | int | float | date):
        raise TypeError(f"{key} is {shown(value)}, expected a text")
    if len(str(value)) > LONGEST_TEXT:
        raise ValueError(f"{key} has {len(str(value))} characters, expected {LONGEST_TEXT} at most")
    return str(value)


def texts(plain: object, key: str) -> tuple[str, ...]:
    """Take a list of short texts.

    Raises:
        KeyError, TypeError, ValueError: missing, of another kind, or too long.
    """
    return tuple(text({key: value}, key) for value in items(plain, key))


def items(plain: object, key: str) -> list[Any]:
    """Take a list.

    Raises:
        KeyError, TypeError: missing, or no list.
    """
    value = entry(plain, key)
    if not isinstance(value, list):
        raise TypeError(f"{key} is {shown(value)}, expected a list")
    return value


def table(plain: object, key: str) -> dict[str, Any]:
    """Take a table whose keys are texts.

    Raises:
        KeyError, TypeError: missing, no table, or a key of another kind.
    """
    value = entry(plain, key)
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"{key} is {shown(value)}, expected a table of named entries")
    return value


def count(plain: object, key: str, least: int = 0, most: int = LARGEST_COUNT) -> int:
    """Take a whole number.

    Raises:
        KeyError, TypeError, ValueError: missing, no whole number, or outside the bounds.
    """
    value = entry(plain, key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{key} is {shown(value)}, expected a whole number")
    if not least <= value <= most:
        raise ValueError(f"{key} is {shown(value)}, expected {least} to {most}")
    return value


def one_of(plain: object, key: str, allowed: Sequence[str]) -> Any:
    """Take one of a few words.

    Raises:
        KeyError, TypeError, ValueError: missing, no text, or another word.
    """
    value = text(plain, key)
    if value not in allowed:
        raise ValueError(f"{key} is {value[:80]!r}, expected {' or '.join(allowed)}")
    return value


def number(plain: object, key: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Take a finite number.

    Raises:
        KeyError, TypeError, ValueError: missing, no number, not finite, or outside the bounds.
    """
    value = entry(plain, key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{key} is {shown(value)}, expected a number")
    if not math.isfinite(float(value)) or not least <= value <= most:
        bounds = "a finite number" if math.isinf(most) else f"{least:g} to {most:g}"
        raise ValueError(f"{key} is {shown(value)}, expected {bounds}")
    return float(value)


def numbers(plain: object, key: str, length: int, most: float = math.inf) -> tuple[float, ...]:
    """Take a list of *length* finite numbers, none larger than *most* either way.

    Raises:
        KeyError, TypeError, ValueError: missing, of another length or kind, not finite, or too large.
    """
    values = items(plain, key)
    if len(values) != length:
        raise ValueError(f"{key} has {len(values)} numbers, expected {length}")
    return tuple(number({key: value}, key, -most, most) for value in values)


def shown(value: object) -> str:
    """Give a value for a message: a table or a list by its kind, anything else cut short."""
    if isinstance(value, Mapping | list | tuple | set):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and abs(value) > LARGEST_COUNT:
        return "a number of more than 18 digits"
    return repr(value)[:80]
