# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Reading files that somebody else may have written: bounded, regular, and every failure one error of the tree.

A map, a trajectory or a calibration may come from another machine, be half copied, or be made to hurt. Whatever is
wrong with one is told as the error its reader names, never as a traceback, and before memory is gone.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Final

import yaml

from vpr_ros.core.errors import ConfigError, VprError

LARGEST_TEXT_BYTES: Final = 1 << 28
"""A day of poses at 200 Hz, written with 15 digits."""
LARGEST_YAML_BYTES: Final = 1 << 24
DEEPEST_YAML: Final = 32
MOST_YAML_VALUES: Final = 100_000
"""Counted after aliases are followed: nested ones double with every line. A value takes about 40 us to read."""
LONGEST_NUMBER: Final = 1000
"""Characters: the time a whole number takes grows with the square of its length."""
LARGEST_JSON_BYTES: Final = 1 << 20


def read_bytes(path: Path, limit_bytes: int, error: type[VprError] = ConfigError) -> bytes:
    """The bytes of a regular file, at most *limit_bytes* of them.

    A FIFO, a device or a folder is refused before it is opened: the first waits for ever, the second never ends.

    Raises:
        VprError: of the type *error*: not there, not a regular file, not readable, or larger than the limit.
    """
    try:
        check_regular(path, error)
        with path.open("rb") as stream:
            content = stream.read(limit_bytes + 1)
    except (OSError, ValueError) as failure:  # ValueError: a name with a NUL byte
        reason = getattr(failure, "strerror", None) or str(failure)
        raise error(f"{path} cannot be read ({reason})", "Check the path and who may read it") from failure
    if len(content) > limit_bytes:
        raise error(
            f"{path} holds more than {limit_bytes} bytes, which is more than any such file needs",
            "Check that it is the file that was meant",
        )
    return content


def check_regular(path: Path, error: type[VprError] = ConfigError) -> None:
    """Refuse what no library should be given to open: a pipe waits for ever, a device never ends.

    Raises:
        VprError: of the type *error*: not a regular file.
        OSError, ValueError: not there, not readable, or no path.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise error(f"{path} is {what}, expected a file", "Give the path of a file on disk")


def read_text(path: Path, error: type[VprError] = ConfigError, limit_bytes: int = LARGEST_TEXT_BYTES) -> str:
    """The UTF-8 text of a regular file, without its byte order mark.

    Raises:
        VprError: of the type *error*: see ``read_bytes``, or not UTF-8.
    """
    try:
        return read_bytes(path, limit_bytes, error).decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise error(
            f"{path} is not UTF-8 text (byte {failure.start})",
            "Convert it, or check that it is the file that was meant",
        ) from failure


def read_yaml(
    path: Path,
    error: type[VprError] = ConfigError,
    limit_bytes: int = LARGEST_YAML_BYTES,
    most_values: int = MOST_YAML_VALUES,
) -> Any:
    """What a YAML file holds, as plain Python values.

    Raises:
        VprError: of the type *error*: see ``read_text``, not YAML, or more deeply nested or larger, with its aliases
            followed, than any such file needs.
    """
    return parse_yaml(read_text(path, error, limit_bytes), str(path), error, most_values)


def parse_yaml(text: str, origin: str, error: type[VprError] = ConfigError, most_values: int = MOST_YAML_VALUES) -> Any:
    """What YAML *text* holds, as plain Python values; *origin* names it in an error.

    Raises:
        VprError: of the type *error*: not YAML, or more deeply nested or larger than any such text needs.
    """
    try:
        _check_events(text, origin, error, most_values)
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_values(node, origin, error, most_values)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except VprError:
        raise
    # Dates that do not exist, numbers of 5000 digits and keys that are lists each raise something of their own.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError, LookupError) as failure:
        raise error(f"{origin} is not YAML ({_short(failure)})", "Correct it, or write it again") from failure


def parse_json(
    text: str | bytes, origin: str, error: type[VprError] = ConfigError, most: int = LARGEST_JSON_BYTES
) -> Any:
    """What JSON *text* of at most *most* characters holds, as plain Python values; *origin* names it in an error.

    Raises:
        VprError: of the type *error*: not JSON, or larger or more deeply nested than any such text needs.
    """
    if len(text) > most:
        raise error(
            f"{origin} holds {len(text)} characters of JSON, more than {most}",
            "Check that it is the file that was meant, or write it again",
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise error(f"{origin} is not JSON ({_short(failure)})", "Write it again") from failure


def _check_events(text: str, origin: str, error: type[VprError], most_values: int) -> None:
    """Look at the nesting before anything recursive does, and end where there is too much to read."""
    depth = values = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        values += isinstance(event, yaml.NodeEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST_YAML:
            raise error(
                f"{origin} is nested more than {DEEPEST_YAML} levels deep",
                "Check that it is the file that was meant, or write it again",
            )
        if values > most_values:
            raise error(
                f"{origin} holds more than {most_values} values, which is more than any such file needs",
                "Check that it is the file that was meant, or write it again",
            )


def _check_values(root: yaml.Node, origin: str, error: type[VprError], most_values: int) -> None:
    """Count the values below *root* as often as aliases repeat them, without repeating them."""
    counts: dict[int, int] = {}
    open_nodes: set[int] = set()

    def count(node: yaml.Node) -> int:
        if id(node) in counts:
            return counts[id(node)]
        if id(node) in open_nodes:
            raise error(f"{origin} holds an alias of a value that contains it", "Write the value out")
        open_nodes.add(id(node))
        children = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in children for part in pair]
        elif node.tag == "tag:yaml.org,2002:int" and len(node.value) > LONGEST_NUMBER:
            raise error(f"{origin} holds a number of {len(node.value)} characters", "Correct it, or write it again")
        counts[id(node)] = 1 + sum(map(count, children))
        open_nodes.discard(id(node))
        return counts[id(node)]

    found = count(root)
    if found > most_values:
        raise error(
            f"{origin} holds {found if found < 10**12 else 'over 10^12'} values once its aliases are followed, "
            f"more than {most_values}",
            "Check that it is the file that was meant, or write it without aliases",
        )


def _short(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200] or type(failure).__name__
