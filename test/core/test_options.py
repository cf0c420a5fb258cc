"""A value is declared once; what it may be is checked in one place, in the same words for everybody."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.options import as_text, check_options, option, options_of, same_option, with_new_names


@dataclass(frozen=True)
class Drive:
    speed_mps: float = option(1.5, "how fast", unit="m/s", minimum=0.0, maximum=3.0)
    turn_rad: float = option(0.0, "how far it turns")
    gap_s: float | None = option(None, "longest gap", unit="s", above=0.0)
    laps: int = option(2, "how often", minimum=1, renamed_from=("rounds",))
    loud: bool = option(False, "say so")
    gear: Literal["low", "high"] = option("low", "which gear")
    names: tuple[str, ...] = option(("a",), "who drives")
    modes: tuple[str, ...] = option(("fast",), "how", choices=("fast", "safe"))
    start_m: tuple[float, float, float] | None = option(None, "where it starts", unit="m")
    log: Path | None = option(None, "where it is written")
    untold: object = None

    def __post_init__(self) -> None:
        check_options(self)


KNOWN = options_of(Drive)


def test_an_option_is_what_its_field_says() -> None:
    assert "untold" not in KNOWN
    assert (KNOWN["laps"].kind, KNOWN["laps"].default, KNOWN["laps"].is_optional) == (int, 2, False)
    assert (KNOWN["gap_s"].kind, KNOWN["gap_s"].is_optional) == (float, True)
    assert (KNOWN["gear"].kind, KNOWN["gear"].choices) == (str, ("low", "high"))
    assert (KNOWN["names"].is_list, KNOWN["names"].length) == (True, None)
    assert (KNOWN["start_m"].kind, KNOWN["start_m"].is_list, KNOWN["start_m"].length) == (float, True, 3)
    assert KNOWN["log"].kind is Path


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("speed_mps", 3.1, "speed_mps is 3.1, expected a number from 0 to 3 (m/s)"),
        ("speed_mps", math.nan, "speed_mps is nan, expected a number from 0 to 3 (m/s)"),
        ("speed_mps", "1", "speed_mps is '1', expected a number from 0 to 3 (m/s)"),
        ("turn_rad", math.inf, "turn_rad is inf, expected a finite number"),
        ("gap_s", 0.0, "gap_s is 0.0, expected a number above 0 (s)"),
        ("laps", 0, "laps is 0, expected a whole number of 1 or more"),
        ("laps", 1.0, "laps is 1.0, expected a whole number of 1 or more"),
        ("laps", True, "laps is True, expected a whole number of 1 or more"),
        ("laps", None, "laps is None, expected a whole number of 1 or more"),
        ("loud", 1, "loud is 1, expected true or false"),
        ("gear", "third", "gear is 'third', expected one of low, high"),
        ("names", "abc", "names is 'abc', expected a list of texts"),
        ("names", (1,), "names is [1], expected a list of texts"),
        ("modes", (), "modes is [], expected one or more of fast, safe"),
        ("modes", ("fast", "wild"), "modes is ['fast', 'wild'], expected one or more of fast, safe"),
        ("start_m", (1.0, 2.0), "start_m is [1.0, 2.0], expected 3 finite numbers (m)"),
        ("start_m", (1.0, 2.0, math.nan), "start_m is [1.0, 2.0, nan], expected 3 finite numbers (m)"),
        ("log", "text", "log is 'text', expected a path"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_expected(name: str, value: Any, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Drive(**{name: value})
    assert caught.value.problem == expected
    assert name in caught.value.remedy


def test_values_become_their_own_type() -> None:
    assert KNOWN["speed_mps"].checked(2) == 2.0 and isinstance(KNOWN["speed_mps"].checked(2), float)
    assert KNOWN["start_m"].checked([1, 2, 3]) == (1.0, 2.0, 3.0)
    assert KNOWN["names"].checked([]) == ()
    assert KNOWN["gap_s"].checked(None) is None


def test_an_option_of_two_configurations_is_declared_once() -> None:
    @dataclass(frozen=True)
    class Robot:
        laps: int = same_option(Drive, "laps", default=5, when="Always.")

    assert Robot().laps == 5
    assert options_of(Robot)["laps"].description == "how often"
    assert options_of(Robot)["laps"].when == "Always." and not KNOWN["laps"].when


def test_old_names_are_taken_with_a_warning() -> None:
    assert with_new_names({"rounds": 3, "other": 1}, KNOWN.values()) == (
        {"laps": 3, "other": 1},
        ["rounds is now called laps; the next release will not know the old name"],
    )
    assert with_new_names({"laps": 3}, KNOWN.values()) == ({"laps": 3}, [])
    with pytest.raises(ConfigError, match="rounds and laps are given, which are one and the same"):
        with_new_names({"rounds": 3, "laps": 3}, KNOWN.values())


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1.0"), (math.pi, "3.14159265359"), (True, "true"), ("a", '"a"'), (("a", "b"), "[a, b]")]
)
def test_values_as_yaml_has_them(value: Any, text: str) -> None:
    assert as_text(value) == text
