# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The formats a map can have, and what the manifest of an older one says in the current one.

Format 5, the current one: every entry of ``MapManifest`` is there, and the seal too (see ``seal``).

Format 4, of November 2026: its ``local`` has no ``promise``, for it was not asked which of its places look alike: None.

Format 3, of November 2026: its ``local`` has no ``calibration``, for keypoints did not join the probability: None.

Format 2, of November 2026: it has no ``local``, for it keeps no local features: None.

Format 1, up to the maps of November 2026: its cameras have no ``intrinsics``. It grew without a new number: its first
maps had no ``manifest_sha256``, no ``thumbnails_sha256`` and no ``origin_m``; their sessions no ``inputs_sha256`` and
no ``frame_id``, for their poses were in a frame called as the map's; their calibration did not count its
``samples_right`` and ``samples_wrong``. What is missing takes the value that says so. A manifest without a seal cannot
show a change, pictures without a hash are not verified; ``inspect_map MAP --upgrade`` writes both.

A new format is a new number, a function in ``_STEPS`` that makes the one before into it, and a paragraph here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from vpr_ros.core.errors import MapError
from vpr_ros.maps.manifest_values import count, shown

Plain = dict[str, Any]

FORMAT_VERSION: Final = 5
SEALED_SINCE: Final = 2


def format_version(path: Path, plain: Mapping[str, Any]) -> int:
    """The format that the manifest at *path*, which says *plain*, has.

    Raises:
        MapError: none, or one that this software does not know yet.
    """
    try:
        version = count(plain, "format_version", least=1)
    except (KeyError, TypeError, ValueError) as error:
        found = shown(plain.get("format_version"))
        raise MapError(
            f"{path}: format_version is {found}, expected a number", "Give the folder that `build_map --output` wrote"
        ) from error
    if version > FORMAT_VERSION:
        raise MapError(
            f"{path}: the map has format {version}, this software reads up to {FORMAT_VERSION}",
            "Update vpr_ros, or build the map again with this version",
        )
    return version


def in_current_format(path: Path, plain: Plain) -> Plain:
    """What the manifest at *path*, which says *plain*, says in the current format; *plain* stays as it is.

    Raises:
        MapError: see ``format_version``.
    """
    for version in range(format_version(path, plain), FORMAT_VERSION):
        plain = {**_STEPS[version](plain), "format_version": version + 1}
    return plain


def _from_1(plain: Plain) -> Plain:
    added = {"origin_m": None, "thumbnails_sha256": "", **plain}
    of_session = {"inputs_sha256": "", "frame_id": plain.get("frame_id")}
    for key, missing in (("sessions", of_session), ("cameras", {"intrinsics": None})):
        if isinstance(entries := plain.get(key), list):
            added[key] = [_completed(entry, missing) for entry in entries]
    if "calibration" in plain:
        added["calibration"] = _completed(plain["calibration"], {"samples_right": 0, "samples_wrong": 0})
    return added


def _from_2(plain: Plain) -> Plain:
    return {"local": None, **plain}


def _from_3(plain: Plain) -> Plain:
    return {**plain, "local": _completed(plain["local"], {"calibration": None})} if "local" in plain else plain


def _from_4(plain: Plain) -> Plain:
    return {**plain, "local": _completed(plain["local"], {"promise": None})} if "local" in plain else plain


def _completed(table: Any, missing: Mapping[str, Any]) -> Any:
    """The table with what it lacks; what is no table stays, for the reader to refuse."""
    return {**missing, **table} if isinstance(table, dict) else table


_STEPS: dict[int, Callable[[Plain], Plain]] = {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4}
