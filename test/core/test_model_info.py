# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The description that travels in a model file: what was written is read, and anything else is one error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vpr_ros.core.errors import ModelError
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.preprocess import Preprocessing

INFO = ModelInfo("nano", "1", Preprocessing(360, 480, "area"), 1600, {"name": "gem"}, {"size": 16})


def changed(path: str, value: Any) -> str:
    """The metadata with one field replaced, or added."""
    plain = json.loads(INFO.to_json())
    *above, last = path.split(".")
    table = plain
    for key in above:
        table = table[key]
    table[last] = value
    return json.dumps(plain)


def test_what_was_written_is_read() -> None:
    assert ModelInfo.from_json(INFO.to_json(), "m.onnx") == INFO


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("metadata_version", float("inf"), "inf is no whole number"),
        ("metadata_version", True, "True is no whole number"),
        ("metadata_version", 2, "metadata version 2"),
        ("preprocessing.mean", [0.5, 0.5], "mean="),
        ("preprocessing.mean", [0.5] * 4, "mean="),
        ("preprocessing.mean", "123", "mean="),
        ("preprocessing.mean", 0.5, "not iterable"),
        ("preprocessing.std", [1.0, 1.0, float("nan")], "std="),
        ("preprocessing.std", [1.0, -1.0, 1.0], "std="),
        ("preprocessing.std", [], "std="),
        ("preprocessing.height_px", "360", "height_px=360"),
        ("preprocessing.height_px", 360.5, "height_px=360.5"),
        ("preprocessing.width_px", 10**9, "width_px=1000000000"),
        ("preprocessing.width_px", True, "width_px=True"),
        ("preprocessing.resize", ["area"], "resize="),
        ("preprocessing.colour", "red", "colour"),
        ("preprocessing", [1, 2], "incomplete"),
        ("descriptor_dim", -4, "descriptor_dim is -4"),
        ("descriptor_dim", 1600.0, "1600.0 is no whole number"),
        ("descriptor_dim", 10**30, "descriptor_dim is"),
        ("name", 7, "name is no text"),
        ("name", "x" * 200_000, "name is no text of at most 10000 characters"),
        ("aggregation", "gem", "aggregation is no table"),
        ("patch_normalised", 3, "patch_normalised is no table"),
        ("colour", "red", "colour"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_field_of_another_kind_is_named(path: str, value: Any, found: str) -> None:
    with pytest.raises(ModelError) as caught:
        ModelInfo.from_json(changed(path, value), "m.onnx")
    assert "m.onnx" in caught.value.problem and found in caught.value.problem
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "[" * 100_000, "{}", '{"metadata_version": 1}'])
def test_what_is_no_metadata(text: str) -> None:
    with pytest.raises(ModelError, match=r"m\.onnx"):
        ModelInfo.from_json(text, "m.onnx")
