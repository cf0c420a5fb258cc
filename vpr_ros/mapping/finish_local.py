# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The last step of a map's local features: their depths, and what the manifest says of them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import CameraMount
from vpr_ros.mapping.frame_views import frame_views
from vpr_ros.mapping.growing_array import GrowingArray
from vpr_ros.mapping.local_depth import Residuals, session_depths
from vpr_ros.mapping.local_part import LocalPart, local_folder
from vpr_ros.mapping.measured_depth import DepthRatios
from vpr_ros.mapping.refine_intrinsics import refine_cameras
from vpr_ros.mapping.usable_frames import Progress, told
from vpr_ros.maps.frame_table import FrameTable
from vpr_ros.maps.local_codec import DEPTH, SIZES, LocalLayout, storable_depths
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.local_store import LocalFiles, LocalStore
from vpr_ros.maps.manifest_parts import FileEntry
from vpr_ros.maps.map_cameras import MapCameras
from vpr_ros.maps.npy_file import map_array

_LOG = logging.getLogger(__name__)
ROWS_AT_ONCE = 256
PART_NAME = "depth_m.part"
KEPT_FRAMES = 256
"""In memory at once, 120 kB each: the map is asked about each of them several times."""


def finish_local(
    partial: Path,
    local: LocalPart,
    frames: FrameTable,
    cameras: Sequence[CameraMount],
    sessions: Sequence[Sequence[int]],
    came: Collection[int],
    added_cameras: Sequence[int],
    progress: Progress | None = None,
) -> tuple[LocalStore, tuple[CameraMount, ...]]:
    """Measure the depths that are not known yet of the frames that came with this build, and open all local features.

    Args:
        partial: folder of the map, its files of local features complete but for these depths.
        local: see ``LocalPart``.
        frames: of the map.
        cameras: of the map.
        sessions: the frames, session by session and in their order, of those sessions that frames came of.
        came: those of them that came with this build; all others keep the depths they have.
        added_cameras: which cameras only they have.
        progress: is told of the frames that are measured.

    Returns:
        the local features, and the cameras: those that came with refined intrinsics where that was asked for.
    """
    folder, layout = local_folder(partial), local.layout
    files = LocalFiles(folder, layout, len(frames))
    given = dict(local.earlier.given_intrinsics) if local.earlier else {}
    if local.refines:
        cameras, before = refine_cameras(files, frames, cameras, sorted(came), added_cameras)
        given = before | given
        for number in np.unique(frames.camera_index[sorted(came)]).tolist():
            if cameras[number].name not in before:
                _LOG.warning("warning: %s", _not_fitted(cameras[number], is_earlier=number not in added_cameras))
    seen_by = MapCameras(frames, cameras)
    views, residuals = frame_views(files, seen_by), Residuals()
    measured = chain.from_iterable(session_depths(session, came, views, seen_by, residuals) for session in sessions)
    _write_depths(folder, layout, len(frames), told(measured, len(came), progress))
    entry = replace(_entry(folder, local, len(frames), len(came), residuals), given_intrinsics=given)
    return LocalStore(folder, entry, len(frames), seen_by, KEPT_FRAMES), tuple(cameras)


def _not_fitted(camera: CameraMount, *, is_earlier: bool) -> str:
    if camera.intrinsics is None:
        why = "nobody knows any to begin with. Give them with --intrinsics FILE"
    elif is_earlier:
        why = "an earlier session has this camera, and its depths rest on them. Build the whole map again to fit them"
    else:
        why = "too few of its frames match others from elsewhere. Keep more frames (--min-distance)"
    return f"the intrinsics of {camera.name} were not fitted: {why}."


def _write_depths(
    folder: Path, layout: LocalLayout, frames: int, measured: Iterator[tuple[int, npt.NDArray[np.float64]]]
) -> None:
    """Fill the gaps of the depths; whoever is killed meanwhile leaves them as they were.

    What a depth image says stays: within its reach it is ten times as exact as what follows from poses and matches.
    """
    known, part = map_array(folder / DEPTH, (frames, *layout.rows[DEPTH][0]), layout.rows[DEPTH][1]), folder / PART_NAME
    rows = GrowingArray(part, *layout.rows[DEPTH], None)
    ratios = DepthRatios()
    rows.start()
    try:
        waiting = next(measured, None)
        for start in range(0, frames, ROWS_AT_ONCE):
            depths = np.array(known[start : start + ROWS_AT_ONCE])
            while waiting is not None and waiting[0] < start + len(depths):
                index, depth_m = waiting
                row = depths[index - start, : len(depth_m)]
                ratios.take(row, depth_m)
                row[:] = np.where(np.isnan(row), storable_depths(depth_m), row)
                waiting = next(measured, None)
            rows.add(depths)
        rows.finish(frames)
    finally:
        rows.close()
    part.replace(folder / DEPTH)
    if warning := ratios.warning():
        _LOG.warning("warning: %s", warning)


def _of_all(earlier_px: float | None, added_px: float | None, share: float) -> float | None:
    """A misfit of the whole map; *share* of its frames are new. The earlier ones are not measured again."""
    if earlier_px is None or added_px is None:
        return earlier_px if added_px is None else added_px
    return (1.0 - share) * earlier_px + share * added_px


def counted(folder: Path, layout: LocalLayout, frames: int) -> dict[str, Any]:
    """The entries ``features``, ``with_depth`` and ``files`` of what is complete in *folder*."""
    counts = map_array(folder / SIZES, (frames, 3), "<u4")[:, 0]
    depths = map_array(folder / DEPTH, (frames, layout.keypoints), "<f2")
    return {
        "features": int(counts.sum(dtype=np.int64)),
        "with_depth": sum(
            int(np.isfinite(depths[start : start + ROWS_AT_ONCE]).sum()) for start in range(0, frames, ROWS_AT_ONCE)
        ),
        "files": {name: FileEntry.of(folder / name) for name in layout.rows},
    }


def _entry(folder: Path, local: LocalPart, frames: int, added: int, residuals: Residuals) -> LocalEntry:
    found = residuals.medians_px()
    before = (local.earlier.epipolar_px, local.earlier.reprojection_px) if local.earlier else (None, None)
    epipolar_px, reprojection_px = (_of_all(*px, added / frames) for px in zip(before, found, strict=True))
    return LocalEntry(
        name=local.model.info.name,
        version=local.model.info.version,
        sha256=local.model.sha256,
        layout=local.layout,
        epipolar_px=epipolar_px,
        reprojection_px=reprojection_px,
        **counted(folder, local.layout, frames),
    )
