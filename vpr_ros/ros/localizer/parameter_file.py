# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a parameter file says to one node, as ROS itself reads it: for launch files, which come before their nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vpr_ros.core.files import read_yaml

_PARAMETERS = "ros__parameters"


def read_parameter_file(path: Path, node: str) -> dict[str, Any] | None:
    """Return the parameters that the file *path* gives to *node*, the later section winning.

    Args:
        path: the file.
        node: full name of the node, e.g. ``/robot/vpr_localizer``.

    Returns:
        name -> value; None where no section is meant for the node: ROS then ignores the file without a word.

    Raises:
        ConfigError: the file cannot be read, or is not YAML.
    """
    meant = [parameters for name, parameters in _sections(read_yaml(path), "") if _is_meant_for(name, node)]
    return {name: value for parameters in meant for name, value in parameters.items()} if meant else None


def _sections(tree: object, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every section with the full name or pattern of the node it is for."""
    for key, below in tree.items() if isinstance(tree, dict) else ():
        if key == _PARAMETERS:
            yield name, below if isinstance(below, dict) else {}
        else:
            yield from _sections(below, f"{name}/{str(key).strip('/')}")


def _is_meant_for(pattern: str, node: str) -> bool:
    """ROS's own wildcards: ``/*`` is one word of a name, ``/**`` any number of them."""
    parts = [{"*": r"/\w+", "**": r"(?:/\w+)*"}.get(part, "/" + re.escape(part)) for part in pattern.split("/")[1:]]
    return re.fullmatch("".join(parts), node) is not None
