# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The last step of a build: table, calibration and manifest of a folder whose descriptors are complete."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone

import vpr_ros
from vpr_ros.mapping.append_base import base_rows
from vpr_ros.mapping.finish_local import finish_local
from vpr_ros.mapping.index_build import index_as_before
from vpr_ros.mapping.promise_fit import own_promise
from vpr_ros.mapping.second_look import second_look
from vpr_ros.mapping.self_calibration import self_calibration
from vpr_ros.mapping.session import BuildSession
from vpr_ros.mapping.transaction import PartialMap
from vpr_ros.mapping.usable_frames import Progress
from vpr_ros.mapping.viewing_range import viewing_range
from vpr_ros.maps.calibration import default_calibration
from vpr_ros.maps.descriptor_file import open_descriptors
from vpr_ros.maps.frame_table import read_frame_table, write_frame_numbers, write_frame_table
from vpr_ros.maps.manifest import MANIFEST_NAME, MapManifest
from vpr_ros.maps.manifest_parts import FileEntry, ModelEntry
from vpr_ros.maps.map_frame import map_frame
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, FRAMES_NAME, PlaceMap
from vpr_ros.maps.spacing import median_spacing_m, place_radius_m
from vpr_ros.maps.thumbnails import thumbnails_sha256


def finish_map(
    session: BuildSession, partial: PartialMap, skipped: Counter[str], progress: Progress | None = None
) -> PlaceMap:
    """Write everything but the descriptors' rows, and open the result as a robot would.

    The *progress* is told of each step that takes longer, see ``Progress``.

    Raises:
        MapError: the map does not open, and must not take the place of one that does.
    """
    partial.finish()
    came, local_model = partial.rows, None if session.local is None else session.local.model
    first_row = len(session.base) if session.base else 0
    looks = second_look(session.usable, came, first_row, session.extractor, session.config, local_model, progress)
    with looks as again:
        uncalibrated, spacing_m = _uncalibrated(session, partial, skipped, progress)
        range_m = viewing_range(uncalibrated)
        calibration, keypoints = self_calibration(uncalibrated, again.all_retaken, spacing_m)
        local = uncalibrated.manifest.local and replace(
            uncalibrated.manifest.local, calibration=keypoints, viewing_range=range_m
        )
        index = index_as_before(uncalibrated, session.base, session.config.index, session.config.recall, progress)
        manifest = replace(uncalibrated.manifest, calibration=calibration, local=local, index=index)
        if local is not None:
            promise = own_promise(uncalibrated.with_manifest(manifest), again.mirrored.result, progress)
            manifest = replace(manifest, local=replace(local, promise=promise))
    (partial.path / MANIFEST_NAME).unlink(missing_ok=True)
    (partial.path / MANIFEST_NAME).write_text(manifest.to_yaml(), encoding="utf-8")
    return PlaceMap.open(partial.path)


def _given_earlier_m(base: PlaceMap | None) -> float | None:
    """The radius that the map added to was given; None where it was chosen by what the map was, and is anew."""
    if base is None:
        return None
    radius_m = base.manifest.calibration.radius_m
    chosen_m = place_radius_m(base.frames, median_spacing_m(base.frames))
    return None if math.isclose(radius_m, chosen_m, rel_tol=1e-6) else radius_m


def _uncalibrated(
    session: BuildSession, partial: PartialMap, skipped: Counter[str], progress: Progress | None
) -> tuple[PlaceMap, float]:
    """The map as far as it is without having been asked anything, and the distance between its frames in metres."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    base, info = session.base, session.extractor.info
    rows = [*(base_rows(base) if base else ()), *partial.rows]
    write_frame_table(partial.path / FRAMES_NAME, rows)
    of_table = write_frame_numbers(partial.path / FRAMES_NAME, len(rows))
    frames = read_frame_table(partial.path / FRAMES_NAME, tuple(camera.name for camera in session.cameras))
    spacing_m = median_spacing_m(frames)
    radius_m = session.config.radius_m or _given_earlier_m(base) or place_radius_m(frames, spacing_m)
    local, cameras = None, session.cameras
    if session.local is not None:
        came = range(len(rows) - len(partial.rows), len(rows))
        added_cameras = range(len(base.manifest.cameras) if base else 0, len(cameras))
        local, cameras = finish_local(
            partial.path, session.local, frames, cameras, [came], came, added_cameras, progress
        )
    thumbnails, pictures_sha256 = thumbnails_sha256(partial.path, len(rows))
    manifest = MapManifest(
        frame_id=map_frame(session.config.frame_id, base.manifest if base else None),
        created_utc=now,
        software=f"vpr_ros {vpr_ros.__version__}",
        model=ModelEntry.of(info, session.extractor.sha256),
        frames=len(rows),
        dtype=partial.dtype,
        sessions=(*session.earlier, session.entry(now, len(partial.rows), skipped)),
        cameras=cameras,
        datum=session.datum,
        files={name: FileEntry.of(partial.path / name) for name in (*of_table, DESCRIPTORS_NAME)},
        thumbnails=thumbnails,
        thumbnails_sha256=pictures_sha256,
        calibration=default_calibration(radius_m, spacing_m),
        origin_m=session.origin_m,
        local=None if local is None else local.entry,
    )
    descriptors = open_descriptors(partial.path / DESCRIPTORS_NAME, len(rows), info.descriptor_dim, partial.dtype)
    return PlaceMap(partial.path, manifest, frames, descriptors, identity=None, local=local), spacing_m
