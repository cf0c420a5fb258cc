"""A command's options take name, type, bounds, unit and default from the schema."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any

import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.core.options import check_options, option


@dataclass(frozen=True)
class Walk:
    min_distance_m: float = option(0.5, "how far, 100% sure", unit="m", minimum=0.0)
    min_angle_rad: float = option(math.radians(15.0), "how far it turns", unit="rad", maximum=math.pi)
    batch_size: int = option(8, "at once", minimum=1, renamed_from=("chunk_size",))
    pictures: bool = option(True, "keep a picture", renamed_from=("photos",))
    overwrite: bool = option(False, "replace what is there")
    image_topics: tuple[str, ...] = option(("all",), "a topic", renamed_from=("topics",))
    origin_m: tuple[float, float, float] | None = option(None, "the zero", unit="m")
    required: int = 0

    def __post_init__(self) -> None:
        check_options(self)


OPTIONS = ("min_distance_m", "min_angle_rad", "batch_size", "pictures", "overwrite", "image_topics", "origin_m")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(allow_abbrev=False)
    for name in OPTIONS:
        add_option(made, Walk, name)
    return made


def walk(*words: str, **known: Any) -> Walk:
    return config_from(Walk, parser().parse_args(words), **known)


def test_what_is_not_given_keeps_its_default() -> None:
    assert walk() == Walk()
    assert walk(required=3) == Walk(required=3)


def test_every_kind_of_option_is_read() -> None:
    words = "--min-distance 2 --min-angle 15 --batch-size 3 --no-pictures --overwrite --image-topic b --image-topic c"
    assert walk(*words.split(), "--origin", "1", "2", "-3") == Walk(
        2.0, math.radians(15.0), 3, False, True, ("b", "c"), (1.0, 2.0, -3.0)
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--min-distance -1", "--min-distance is -1.0, expected a number of 0 or more (m)"),
        ("--min-distance far", "--min-distance is 'far', expected a number of 0 or more (m)"),
        ("--batch-size 2.5", "--batch-size is '2.5', expected a whole number of 1 or more"),
        ("--origin 1 2 inf", "--origin is inf, expected a finite number (m)"),
    ],
)
def test_a_wrong_value_is_said_as_it_was_typed(words: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        walk(*words.split())
    assert caught.value.problem == expected


def test_angles_are_typed_in_degrees() -> None:
    with pytest.raises(ConfigError, match=r"--min-angle is 181\.0, expected .* \(degrees\)"):
        walk("--min-angle", "181")
    assert walk("--min-angle", "180").min_angle_rad == math.pi


def test_help_says_the_default_with_its_unit() -> None:
    text = " ".join(parser().format_help().split())
    assert "--min-distance MIN_DISTANCE_M how far, 100% sure (0.5 m)" in text
    assert "how far it turns (15 degrees)" in text
    assert "--no-pictures do not keep a picture" in text
    assert "a topic; may be repeated" in text
    assert "chunk" not in text


@pytest.mark.parametrize(
    ("words", "old", "new", "expected"),
    [
        ("--chunk-size 3", "--chunk-size", "--batch-size", Walk(batch_size=3)),
        ("--no-photos", "--no-photos", "--no-pictures", Walk(pictures=False)),
        ("--topic a --image-topic b", "--topic", "--image-topic", Walk(image_topics=("a", "b"))),
    ],
)
def test_an_old_name_is_taken_with_a_warning(
    words: str, old: str, new: str, expected: Walk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert walk(*words.split()) == expected
    warning = f"warning: {old} is now called {new}; the next release will not know the old name\n"
    assert capsys.readouterr().err == warning
