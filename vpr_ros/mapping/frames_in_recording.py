# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The frames of a map in a recording: found by camera and time, and believed where the pictures are the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from vpr_ros.core.errors import FrameDecodeError, MapError, NoDescriptorError
from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.model_info import Extractor
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
    found = _by_camera_and_time(records, cameras, place_map)
    sessions = defaultdict(list)
    for index in found:
        sessions[int(place_map.frames.session[index])].append(index)
    recorded = [s for s, indices in sessions.items() if _same_pictures(place_map, indices, found, extractor)]
    if not recorded:
        what = "at the times of map frames it shows other pictures" if found else "it has no picture of a map frame"
        raise MapError(
            f"this is the recording of no session of map {place_map.path}: {what} "
            f"(compared by camera and time; the map's cameras are {', '.join(place_map.frames.camera_names)})",
            "Give the recording that the map was built from, with the options it was read with; `inspect_map` shows "
            "the sessions",
        )
    return {index: found[index] for session in sorted(recorded) for index in sessions[session]}


def recorded_name(name: str, cameras: Collection[str]) -> str | None:
    """What the recording calls the map's camera *name*, which may be the second of its name; None: it has none such."""
    return next((called for called in (name, re.sub(r" \([0-9]+\)$", "", name)) if called in cameras), None)


def _by_camera_and_time(
    records: Iterable[FrameRecord], cameras: Collection[str], place_map: PlaceMap
) -> dict[int, FrameRecord]:
    frames = place_map.frames
    taken: dict[tuple[str, int], list[FrameRecord]] = defaultdict(list)
    for record in records:
        taken[record.camera, record.stamp_ns].append(record)
    called = [recorded_name(name, cameras) for name in frames.camera_names]
    found = {}
    for index, (camera, stamp_ns) in enumerate(zip(frames.camera_index, frames.stamp_ns, strict=True)):
        named = called[camera]
        if named is not None and (there := taken.get((named, int(stamp_ns)))):
            name = frames.names[index] if len(there) > 1 else there[0].name
            found[index] = next((record for record in there if record.name == name), there[0])
    return found


def _same_pictures(
    place_map: PlaceMap, indices: Sequence[int], records: Mapping[int, FrameRecord], extractor: Extractor
) -> bool:
    """Whether some records of one session give the descriptors that the map has of them."""
    cosines = []
    for row in np.unique(np.linspace(0, len(indices) - 1, PROBES).astype(np.int64)):
        index = indices[row]
        try:
            seen = extractor.infer(extractor.prepare([records[index].load_image()]))[0]
        except (FrameDecodeError, NoDescriptorError):
            continue
        cosines.append(float(seen @ np.asarray(place_map.descriptors[index], dtype=np.float32)))
    return bool(cosines) and float(np.median(cosines)) >= SAME_PICTURE_COSINE
