# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Sections of a recipe that are not LightningCLI's: read, and checked key by key."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.files import LARGEST_YAML_BYTES, read_bytes, read_yaml

Section = TypeVar("Section")


def read_sections(path: Path, wanted: Collection[str], example: str) -> tuple[bytes, dict[str, Any]]:
    """The text of a recipe and its sections.

    Args:
        path: YAML file.
        wanted: names of its sections.
        example: a recipe to copy.

    Raises:
        ConfigError: no such file, or a section is missing or unknown.
    """
    if not path.is_file():
        raise ConfigError(f"no recipe at {path}", f"Give {example} or a copy of it")
    text, recipe = read_bytes(path, LARGEST_YAML_BYTES), read_yaml(path)
    found = set(recipe) if isinstance(recipe, dict) else set()
    if found != set(wanted):
        raise ConfigError(f"{path} has the sections {sorted(found)}, expected {sorted(wanted)}", "Correct the recipe")
    return text, recipe


def section(cls: type[Section], values: Mapping[str, Any]) -> Section:
    """Make a section its dataclass; lists become tuples.

    Raises:
        ConfigError: no mapping, an unknown key, or no number where the dataclass has one.
    """
    known = {f.name: f.default for f in fields(cls)}  # type: ignore[arg-type]
    if not isinstance(values, Mapping) or not set(values) <= set(known):
        unknown = sorted(map(str, set(values) - set(known))) if isinstance(values, Mapping) else [repr(values)]
        raise ConfigError(f"unknown keys of {cls.__name__}: {', '.join(unknown)}", "Correct the recipe")
    made = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for key, value in made.items():
        if wanted := _misfit(value, known[key]):
            raise ConfigError(f"{key} of {cls.__name__} is {str(values[key])[:80]}, expected {wanted}", "Correct it")
    return cls(**made)


def _misfit(value: object, default: object) -> str:
    """What *value* should be where it is no number of the kind of its *default*; "" where it is, or that is none."""
    if isinstance(default, bool) or not isinstance(default, int | float | tuple):
        return ""
    if isinstance(default, tuple):
        fits = isinstance(value, tuple) and not any(_misfit(each, default[0]) for each in value if default)
        return "" if fits else f"a list such as {list(default)}"
    if isinstance(default, int):
        return "" if isinstance(value, int) and not isinstance(value, bool) else f"a whole number such as {default}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return "" if is_number else f"a number such as {default}"
