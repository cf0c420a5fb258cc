# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map made of some frames of one: sessions and cameras of which nothing is left go with their frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.append_base import base_rows
from vpr_ros.mapping.care.new_map import IntArray, NewMap, Part
from vpr_ros.mapping.care.recalibrate import as_it_was, carried_over
from vpr_ros.maps.manifest_parts import SessionEntry
from vpr_ros.maps.place_map import PlaceMap

TAKEN_OUT = "taken out of the map again"


def selected(base: PlaceMap, rows: IntArray) -> NewMap:
    """The map of the frames *rows* of *base*, ascending.

    Raises:
        MapError: there are none.
    """
    if not len(rows):
        raise MapError(
            f"nothing would be left of the {len(base)} frames of map {base.path}", "Keep a session, or more frames"
        )
    frames, manifest = base.frames, base.manifest
    of_session = np.bincount(frames.session[rows], minlength=len(manifest.sessions))
    sessions, number_of_session = _left(of_session, manifest.sessions)
    cameras, number_of_camera = _left(
        np.bincount(frames.camera_index[rows], minlength=len(manifest.cameras)), manifest.cameras
    )
    lines = base_rows(base)
    kept = [lines[row] for row in rows.tolist()]
    counts = of_session[of_session > 0].tolist()
    local = manifest.local
    if local is not None:
        names = {camera.name for camera in cameras}
        given = {name: known for name, known in local.given_intrinsics.items() if name in names}
        local = replace(local, given_intrinsics=given)
    return NewMap(
        (
            Part(
                base,
                rows,
                tuple(
                    replace(line, session=number_of_session[line.session], camera=number_of_camera[line.camera])
                    for line in kept
                ),
            ),
        ),
        replace(
            manifest,
            sessions=tuple(_with_fewer(entry, count) for entry, count in zip(sessions, counts, strict=True)),
            cameras=tuple(cameras),
            local=local,
        ),
        carried_over if len(rows) < len(base) else as_it_was,
    )


def _with_fewer(entry: SessionEntry, frames: int) -> SessionEntry:
    gone = entry.frames - frames
    if gone <= 0:
        return entry
    skipped = {**entry.skipped, TAKEN_OUT: entry.skipped.get(TAKEN_OUT, 0) + gone}
    return replace(entry, frames=frames, skipped=skipped)


def _left(counts: npt.NDArray[Any], entries: Sequence[Any]) -> tuple[list[Any], dict[int, int]]:
    """The entries that are still counted, and old number -> new number."""
    left = np.flatnonzero(counts).tolist()
    return [entries[number] for number in left], {old: new for new, old in enumerate(left)}
