# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which frames go with a session that is stale: all of it, or those that a newer session shows again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.care.new_map import IntArray
from vpr_ros.maps.place_map import PlaceMap

SAME_HEADING_RAD: Final = math.radians(30.0)
"""A frame that looks more than this aside shows other things than the newer one."""


def session_number(place_map: PlaceMap, named: str) -> int:
    """The number of the session that *named* names: its number, or its source as ``inspect_map`` shows it.

    Raises:
        MapError: no such session, or several of this source.
    """
    sources = [session.source for session in place_map.manifest.sessions]
    if named.isdecimal() and int(named) < len(sources):
        return int(named)
    found = [number for number, source in enumerate(sources) if named and named in source]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(f"{number}: {source}" for number, source in enumerate(sources))
    problem = f"{len(found)} sessions" if found else "no session"
    raise MapError(
        f"{problem} of map {place_map.path} {'are' if found else 'is'} called {named!r}", f"Give a number of {listed}"
    )


def without_sessions(place_map: PlaceMap, numbers: Sequence[int]) -> IntArray:
    """The frames of all sessions but these."""
    return np.flatnonzero(~np.isin(place_map.frames.session, numbers))


def without_stale(place_map: PlaceMap, newer: int, within_m: float) -> IntArray:
    """All frames but those of earlier sessions that the session *newer* shows again.

    Shown again is a frame that has one of the newer session *within_m* of it that heads where it does, to 30 degrees;
    where a heading is unknown the distance alone counts. What the newer session passed by without seeing it stays.
    """
    frames = place_map.frames
    fresh = np.flatnonzero(frames.session == newer)
    earlier = np.flatnonzero(frames.session < newer)
    kept = np.ones(len(frames), dtype=bool)
    if len(fresh) and len(earlier):
        near = cKDTree(frames.position_m[fresh]).query_ball_point(frames.position_m[earlier], within_m)
        for row, found in zip(earlier.tolist(), near, strict=True):
            cosine = np.minimum(np.abs(frames.quat_xyzw[fresh[found]] @ frames.quat_xyzw[row]), 1.0)
            turned_rad = np.nan_to_num(2.0 * np.arccos(cosine), nan=0.0)
            kept[row] = not (turned_rad <= SAME_HEADING_RAD).any()
    return np.flatnonzero(kept)
