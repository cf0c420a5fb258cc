# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The last step of a map's local features: their depths, and what the manifest says of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import CameraMount
from vpr_ros.mapping.frame_views import frame_views
from vpr_ros.mapping.growing_array import GrowingArray
from vpr_ros.mapping.local_depth import Residuals, session_depths
from vpr_ros.mapping.local_part import LocalPart, local_folder
from vpr_ros.mapping.refine_intrinsics import refine_cameras
from vpr_ros.maps.frame_table import FrameTable
from vpr_ros.maps.local_codec import DEPTH, SIZES
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.local_store import LocalFiles, LocalStore
from vpr_ros.maps.manifest_parts import FileEntry
from vpr_ros.maps.map_cameras import MapCameras
from vpr_ros.maps.npy_file import map_array

ROWS_AT_ONCE = 256
_LOG = logging.getLogger(__name__)


def finish_local(
    partial: Path, local: LocalPart, frames: FrameTable, cameras: Sequence[CameraMount], added: int
) -> tuple[LocalStore, tuple[CameraMount, ...]]:
    """Measure the depths of the last *added* frames, write them, and open all local features.

    The frames of earlier sessions keep the depths they have.

    Args:
        partial: folder of the map, its other files of local features complete.
        local: see ``LocalPart``.
        frames: of the map.
        cameras: of the map.
        added: how many frames this session has.

    Returns:
        the local features, and the cameras: those that came with this session with refined intrinsics where that was
        asked for.
    """
    folder, layout, first = local_folder(partial), local.layout, len(frames) - added
    files = LocalFiles(folder, layout, len(frames), with_depth=False)
    given = dict(local.earlier.given_intrinsics) if local.earlier else {}
    if local.refines:
        added_cameras = range(local.earlier_cameras, len(cameras))
        cameras, before = refine_cameras(files, frames, cameras, range(first, len(frames)), added_cameras)
        given |= before
        for number in np.unique(frames.camera_index[first:]).tolist():
            if cameras[number].name not in before:
                _LOG.warning("warning: %s", _not_fitted(cameras[number], is_earlier=number not in added_cameras))
    seen_by = MapCameras(frames, cameras)
    residuals = Residuals()
    measured = session_depths(range(first, len(frames)), frame_views(files, seen_by), seen_by, residuals)
    _write_depths(folder, local, range(first, len(frames)), measured)
    entry = replace(_entry(folder, local, len(frames), added, residuals), given_intrinsics=given)
    return LocalStore(folder, entry, len(frames), seen_by), tuple(cameras)


def _not_fitted(camera: CameraMount, *, is_earlier: bool) -> str:
    if camera.intrinsics is None:
        why = "nobody knows any to begin with. Give them with --intrinsics FILE"
    elif is_earlier:
        why = "an earlier session has this camera, and its depths rest on them. Build the whole map again to fit them"
    else:
        why = "too few of its frames match others from elsewhere. Keep more frames (--min-distance)"
    return f"the intrinsics of {camera.name} were not fitted: {why}."


def _write_depths(
    folder: Path, local: LocalPart, indices: range, measured: Iterator[tuple[int, npt.NDArray[np.float64]]]
) -> None:
    rows = GrowingArray(folder / DEPTH, *local.layout.rows[DEPTH], local.base[DEPTH] if local.base else None)
    rows.start()
    try:
        waiting = next(measured, None)
        for start in range(indices.start, indices.stop, ROWS_AT_ONCE):
            block = range(start, min(start + ROWS_AT_ONCE, indices.stop))
            depths = np.full((len(block), local.layout.keypoints), np.nan, np.float16)
            while waiting is not None and waiting[0] in block:
                index, depth_m = waiting
                depths[index - start, : len(depth_m)] = _storable(depth_m)
                waiting = next(measured, None)
            rows.add(depths)
        rows.finish(len(indices))
    finally:
        rows.close()


def _storable(depth_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float16]:
    """What half precision can hold; NaN for the others."""
    with np.errstate(over="ignore", invalid="ignore"):
        stored = depth_m.astype(np.float16)
        return np.where((stored > 0) & np.isfinite(stored), stored, np.float16(np.nan))


def _of_all(earlier_px: float | None, added_px: float | None, share: float) -> float | None:
    """A misfit of the whole map; *share* of its frames are new. The earlier ones are not measured again."""
    if earlier_px is None or added_px is None:
        return earlier_px if added_px is None else added_px
    return (1.0 - share) * earlier_px + share * added_px


def _entry(folder: Path, local: LocalPart, frames: int, added: int, residuals: Residuals) -> LocalEntry:
    counts = map_array(folder / SIZES, (frames, 3), "<u4")[:, 0]
    depths = map_array(folder / DEPTH, (frames, local.layout.keypoints), "<f2")
    found = residuals.medians_px()
    before = (local.earlier.epipolar_px, local.earlier.reprojection_px) if local.earlier else (None, None)
    epipolar_px, reprojection_px = (_of_all(*px, added / frames) for px in zip(before, found, strict=True))
    return LocalEntry(
        name=local.model.info.name,
        version=local.model.info.version,
        sha256=local.model.sha256,
        layout=local.layout,
        features=int(counts.sum(dtype=np.int64)),
        with_depth=sum(
            int(np.isfinite(depths[start : start + ROWS_AT_ONCE]).sum()) for start in range(0, frames, ROWS_AT_ONCE)
        ),
        epipolar_px=epipolar_px,
        reprojection_px=reprojection_px,
        files={name: FileEntry.of(folder / name) for name in local.layout.rows},
    )
