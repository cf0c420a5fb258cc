# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The section ``labels`` of a recipe: ``source`` says where label maps come from, the rest is the source's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.labels.sources import FromImages, FromOnnx, FromPngs, FromTorchvision, LabelSource
from vpr_ros.training.recipe_sections import section

SOURCES: Final[dict[str, Any]] = {
    "images": FromImages,
    "pngs": FromPngs,
    "onnx": FromOnnx,
    "torchvision": FromTorchvision,
}


def label_source(values: Mapping[str, Any]) -> LabelSource:
    """Make the section its source.

    Args:
        values: such as ``{"source": "onnx", "model": "segmenter.onnx", "grouping": "cityscapes"}``.

    Raises:
        ConfigError: no known source, an unknown key, or one that is missing or of another kind.
    """
    name = values.get("source") if isinstance(values, Mapping) else None
    if name not in SOURCES:
        raise ConfigError(f"the labels section has the source {name!r}", f"Name one of {', '.join(SOURCES)}")
    cls = SOURCES[name]
    given = {key: value for key, value in values.items() if key != "source"}
    missing = [f.name for f in fields(cls) if f.default is MISSING and f.name not in given]
    if missing:
        raise ConfigError(f"the labels section lacks {', '.join(missing)} of {name}", "Add it to the recipe")
    made: LabelSource = section(cls, given)
    for field in fields(cls):
        _check(field.name, str(field.type), getattr(made, field.name))
    return made


def _check(name: str, kind: str, value: Any) -> None:
    """Compare a value with the annotation of its field.

    Raises:
        ConfigError: it is of another kind.
    """
    if value is None and kind.endswith("| None"):
        return
    one = kind.removesuffix(" | None")
    if one.startswith("tuple["):
        sides = one.removeprefix("tuple[").removesuffix("]").split(", ")
        if isinstance(value, tuple) and len(value) == len(sides):
            for side, part in zip(sides, value, strict=True):
                _check(name, side, part)
            return
        raise ConfigError(f"labels: {name} is {value!r}, expected {len(sides)} numbers", "Correct the recipe")
    expected: Any = {"Path": (str, Path), "str": str, "bool": bool, "int": int, "float": (int, float)}[one]
    if not isinstance(value, expected) or (one in ("int", "float") and isinstance(value, bool)):
        raise ConfigError(f"labels: {name} is {value!r}, expected {one}", "Correct the recipe")
