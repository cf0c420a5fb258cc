# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Put on PYTHONPATH, it lets this package see no name of ROS 2 that Humble lacks.

Python imports a module of this name at its start, in every process. What ROS itself imports is left alone: only
imports of modules below ``vpr_ros`` are looked at.
"""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from humble_names import HUMBLE, PACKAGES

sys.path.pop(0)

_import = builtins.__import__


def _import_as_humble(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> types.ModuleType:
    ours = level == 0 and str((globals or {}).get("__package__") or "").split(".")[0] == "vpr_ros"
    if not ours or name.partition(".")[0] not in PACKAGES:
        return _import(name, globals, locals, fromlist, level)
    if name not in HUMBLE:
        raise ModuleNotFoundError(f"No module named {name!r} in Humble", name=name)
    missing = set(fromlist or ()) - HUMBLE[name]
    if missing:
        raise ImportError(f"cannot import name {sorted(missing)} from {name!r} in Humble", name=name)
    if name == "rclpy.qos_event":  # there it is the place of these classes; here it only warns and points elsewhere
        name = "rclpy.event_handler"
    return _import(name, globals, locals, fromlist, level)


builtins.__import__ = _import_as_humble
