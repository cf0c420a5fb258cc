# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The frames of a map in a recording: found by camera and time or name, believed where the pictures are the same."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import numpy as np

from vpr_ros.core.errors import FrameDecodeError, MapError, NoDescriptorError
from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.printable import printable
from vpr_ros.maps.place_map import PlaceMap

PROBES: Final = 9
"""Of each session: folders without times all count from the same one, and only their pictures tell them apart."""
SAME_PICTURE_COSINE: Final = 0.99
"""Of the descriptors in the middle of them: what half precision and another runtime leave; neighbours have less."""


def frames_among(
    records: Iterable[FrameRecord], cameras: Collection[str], place_map: PlaceMap, extractor: Extractor
) -> dict[int, FrameRecord]:
    """Number of a map frame -> its record, of every session that these are the recording of, in ascending order.

    Args:
        records: of the recording; need no poses.
        cameras: what it calls its cameras.
        place_map: the map.
        extractor: the map's model.

    Raises:
        MapError: they are the recording of none of the map's sessions.
    """
    found = _found(records, cameras, place_map)
    recorded = [of for of in found if of and _same_pictures(place_map, of, extractor)]
    if not recorded:
        what = "what should be map frames are other pictures" if any(found) else "it has no picture of a map frame"
        raise MapError(
            f"this is the recording of no session of map {place_map.path}: {what} (looked for by camera, and by time "
            f"or name; the map's cameras are {', '.join(place_map.frames.camera_names)})",
            "Give the recording that the map was built from, with the options it was read with; `inspect_map` shows "
            "the sessions",
        )
    return {index: record for of in recorded for index, record in of.items()}


def recorded_name(name: str, cameras: Collection[str]) -> str | None:
    """What the recording calls the map's camera *name*, which may be the second of its name; None: it has none such."""
    return next((called for called in (name, re.sub(r" \([0-9]+\)$", "", name)) if called in cameras), None)


def _found(
    records: Iterable[FrameRecord], cameras: Collection[str], place_map: PlaceMap
) -> list[dict[int, FrameRecord]]:
    """The records of each session's frames: by time, or by name where that finds more.

    A folder whose images have no times of their own is given those of the trajectory, if one is read beside it.
    """
    frames = place_map.frames
    by_time: dict[tuple[str | None, int], dict[str, FrameRecord]] = {}
    by_name: dict[tuple[str | None, str], FrameRecord] = {}
    for record in records:
        by_time.setdefault((record.camera, record.stamp_ns), {})[printable(record.name)] = record
        by_name.setdefault((record.camera, printable(record.name)), record)
    called = [recorded_name(name, cameras) for name in frames.camera_names]
    sessions: list[tuple[dict[int, FrameRecord], dict[int, FrameRecord]]] = [
        ({}, {}) for _ in place_map.manifest.sessions
    ]
    for index, name in enumerate(frames.names):
        timed, named = sessions[int(frames.session[index])]
        camera = called[int(frames.camera_index[index])]
        if there := by_time.get((camera, int(frames.stamp_ns[index]))):
            timed[index] = there.get(name) or next(iter(there.values()))
        if called_so := by_name.get((camera, name)):
            named[index] = called_so
    return [max(timed, named, key=len) for timed, named in sessions]


def _same_pictures(place_map: PlaceMap, records: Mapping[int, FrameRecord], extractor: Extractor) -> bool:
    """Whether some records of one session give the descriptors that the map has of them."""
    indices, cosines = list(records), []
    for row in np.unique(np.linspace(0, len(indices) - 1, PROBES).astype(np.int64)):
        index = indices[row]
        try:
            seen = extractor.infer(extractor.prepare([records[index].load_image()]))[0]
        except (FrameDecodeError, NoDescriptorError):
            continue
        cosines.append(float(seen @ np.asarray(place_map.descriptors[index], dtype=np.float32)))
    return bool(cosines) and float(np.median(cosines)) >= SAME_PICTURE_COSINE
