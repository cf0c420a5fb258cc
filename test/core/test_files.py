# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Files of others: bounded, regular, and every failure one error."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from vpr_ros.core.errors import MapError, ModelError, SourceError
from vpr_ros.core.files import (
    DEEPEST_YAML,
    LARGEST_JSON_BYTES,
    parse_json,
    parse_yaml,
    read_bytes,
    read_text,
    read_yaml,
)

PLAIN = {"name": "a", "numbers": [1, 2.5], "nested": {"empty": None}}


def test_yaml_comes_back_as_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text("name: a\nnumbers: &n [1, 2.5]\nnested: {empty: null}\n")
    assert read_yaml(path) == PLAIN


def test_aliases_of_a_reasonable_size_are_followed() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x\n", "text") == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    started_s = time.process_time()
    with pytest.raises(MapError, match="aliases"):
        parse_yaml("\n".join(lines), "bomb", MapError)
    assert time.process_time() - started_s < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000 + "]" * 5000,
        "a: &a [*a]",
        "a: 2024-13-45",
        "a: [1, 2",
        "? [1, 2]\n: {[3]: 4}",
        "a: !!python/object/apply:os.system [true]",
        "a: !!float nothing",
        "a: !!int ''",
        "a: \x00",
        "a: 1\n---\nb: 2\n",
    ],
)
def test_hostile_yaml_is_one_error(text: str) -> None:
    with pytest.raises(MapError):
        parse_yaml(text, "hostile", MapError)


def test_nesting_just_allowed_is_read() -> None:
    depth = DEEPEST_YAML
    assert parse_yaml("[" * depth + "]" * depth, "text")


def test_a_fifo_and_a_device_are_refused_without_waiting(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, Path("/dev/zero"), tmp_path):
        with pytest.raises(SourceError, match="expected a file"):
            read_text(path, SourceError)


def test_what_is_not_there_or_not_text_is_one_error(tmp_path: Path) -> None:
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    for path in (tmp_path / "absent", tmp_path / ("x" * 300), Path("nul\0byte"), latin):
        with pytest.raises(SourceError):
            read_text(path, SourceError)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(11))
    assert read_bytes(path, 11, SourceError) == bytes(11)
    with pytest.raises(SourceError, match="more than 10 bytes"):
        read_bytes(path, 10, SourceError)


def test_a_long_list_is_refused_before_it_is_read() -> None:
    assert len(parse_yaml(f"[{'1, ' * 90}]", "text", MapError, most_values=100)) == 90
    started_s = time.monotonic()
    with pytest.raises(MapError, match="more than 100 values"):
        parse_yaml(f"[{'1, ' * 1_000_000}]", "text", MapError, most_values=100)
    assert time.monotonic() - started_s < 2.0


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000, ":".join(["1"] * 200_000)], ids=lambda n: n[:4])
def test_a_number_that_takes_its_time_is_refused_at_once(number: str) -> None:
    started_s = time.monotonic()
    with pytest.raises(MapError, match=f"a number of {len(number)} characters"):
        parse_yaml(f"a: {number}", "text", MapError)
    assert time.monotonic() - started_s < 5.0


def test_json_comes_back_as_plain_values() -> None:
    assert parse_json('{"a": [1, 2.5, null]}', "text") == {"a": [1, 2.5, None]}
    assert parse_json(b"[true]", "text") == [True]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"a": ' * 100_000, "9" * 5000, b"\xff\xfe\x00", " " * LARGEST_JSON_BYTES + "1"],
    ids=lambda text: repr(text)[:12],
)
def test_hostile_json_is_one_error(text: str | bytes) -> None:
    with pytest.raises(ModelError, match="the metadata") as caught:
        parse_json(text, "the metadata", ModelError)
    assert len(str(caught.value)) < 500
