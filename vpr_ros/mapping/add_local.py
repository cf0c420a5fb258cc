# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features for a map that was built without: its frames are looked up in the recording they came from."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import CameraMount, FrameRecord, ImageRgb, size_px_of
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.model_info import Extractor
from vpr_ros.mapping.append_base import base_rows, link_thumbnails
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.build_inputs import Inputs
from vpr_ros.mapping.embedding import DescribedBatch, Rows
from vpr_ros.mapping.finish_local import finish_local
from vpr_ros.mapping.frames_in_recording import frames_among, recorded_name
from vpr_ros.mapping.geometry_fit import calibrated_as_it_is
from vpr_ros.mapping.journal import JOURNAL_NAME
from vpr_ros.mapping.local_part import LocalPart
from vpr_ros.mapping.overlap import ordered_map
from vpr_ros.mapping.promise_fit import own_promise
from vpr_ros.mapping.transaction import PartialMap, partial_path, publish
from vpr_ros.mapping.usable_frames import Progress
from vpr_ros.mapping.viewing_range import viewing_range
from vpr_ros.maps.frame_table import NUMBERS_NAME, FrameRow
from vpr_ros.maps.index_entry import INDEX_NAME
from vpr_ros.maps.local_codec import SIZES, encode_nothing
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.local_store import LOCAL_NAME
from vpr_ros.maps.manifest import MANIFEST_NAME, rewrite_manifest
from vpr_ros.maps.manifest_parts import camera_to_dict
from vpr_ros.maps.map_files import map_file
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.npy_file import map_array
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, FRAMES_NAME, PlaceMap
from vpr_ros.maps.thumbnails import thumbnails_sha256

_LOG = logging.getLogger(__name__)
CALIBRATE_AGAIN = (
    "the map that this one came from was calibrated on drives, which asked another map: ask them again (calibrate)."
)


@dataclass(frozen=True)
class AddedLocal:
    """What came of it.

    Attributes:
        path: the map.
        frames: how many it holds.
        added: how many of them have got local features now.
        known: how many had been looked at before.
        elsewhere: how many are not in this recording, and have none yet.
        undecodable: how many of its images do not decode.
        local: of the map's local features; None where nothing was to be done.
        seconds: wall time of this run.
    """

    path: Path
    frames: int
    added: int
    known: int
    elsewhere: int
    undecodable: int
    local: LocalEntry | None
    seconds: float

    @classmethod
    def of(
        cls, task: LocalTask, looked_at: npt.NDArray[np.bool_], entry: LocalEntry | None, seconds: float
    ) -> AddedLocal:
        """Count; (N,) *looked_at* says which frames have local features or nothing to find."""
        here = np.zeros(len(task.base), dtype=bool)
        here[list(task.records)] = entry is not None
        return cls(
            path=task.base.path,
            frames=len(task.base),
            added=int((looked_at & here).sum()),
            known=int(task.known.sum()),
            elsewhere=int((~looked_at & ~here).sum()),
            undecodable=int((~looked_at & here).sum()),
            local=entry,
            seconds=seconds,
        )


@dataclass(frozen=True, eq=False)
class LocalTask:
    """What is to be done.

    Attributes:
        base: the map.
        part: what is found, and how much of it is kept.
        kept: by file name the rows that the map has already; None where it has none that stay.
        known: (N,) which frames have been looked at and stay as they are.
        records: of those that are to be looked at, by number of the map frame.
        cameras: those of the recording.
    """

    base: PlaceMap
    part: LocalPart
    kept: Mapping[str, npt.NDArray[Any]] | None
    known: npt.NDArray[np.bool_]
    records: Mapping[int, FrameRecord]
    cameras: Mapping[str, CameraMount]

    @classmethod
    def of(
        cls,
        records: Iterable[FrameRecord],
        cameras: Mapping[str, CameraMount],
        extractor: Extractor,
        local_model: LocalModel,
        output: Path,
        config: BuildConfig,
    ) -> LocalTask:
        """The task of giving the map *output* what *records* show.

        Raises:
            MapError, ConfigError: see ``builder.add_local``.
        """
        base = PlaceMap.open(output)
        base.check_model(extractor.info, extractor.sha256)
        replaced = config.overwrite and base.local is not None and base.local.sha256 != local_model.sha256
        part = LocalPart.of(local_model, config, None if base.local is None or replaced else base)
        known = np.zeros(len(base), dtype=bool)
        if part.base is not None:
            known = np.asarray(part.base[SIZES][:, 1] > 0)
        found = frames_among(records, cameras, base, extractor)
        if config.overwrite:
            known[list(found)] = False
        to_do = {index: record for index, record in found.items() if not known[index]}
        return cls(base, replace(part, base=None), part.base, known, to_do, cameras)


def carry_out(
    task: LocalTask, inputs: Inputs, output: Path, config: BuildConfig, resume: bool, progress: Progress | None
) -> tuple[npt.NDArray[np.bool_], LocalEntry | None]:
    """Make the map anew, and put it in its place; which frames have been looked at, and what the manifest says.

    Raises:
        MapError: interrupted work of something else stands there.
        ModelError: the network failed.
    """
    made = PartialMap(partial_path(output), None, "float32", None, task.part)
    try:
        made.open(inputs, resume=resume, restart=config.overwrite)
        rows = base_rows(task.base)
        for batch in _batches(task, rows, len(made.rows), config, progress):
            made.add(rows[len(made.rows) : len(made.rows) + len(batch.records)], batch)
        made.finish()
        finished = _finish(task, made.path, progress)
        publish(made.path, output)
        for warning in map_warnings(finished):
            _LOG.warning("warning: %s", warning)
        (output / JOURNAL_NAME).unlink()  # last: see ``build_map``
    finally:
        made.close()
    sizes = map_array(output / LOCAL_NAME / SIZES, (len(finished), 3), "<u4")
    return np.asarray(sizes[:, 1] > 0), finished.manifest.local


def _batches(
    task: LocalTask, rows: Sequence[FrameRow], done: int, config: BuildConfig, progress: Progress | None
) -> Iterator[DescribedBatch]:
    """The local features of all frames from number *done* on, some at a time; nothing where there are none yet."""
    records = [task.records.get(index) or _stand_in(row) for index, row in enumerate(rows)]
    look = partial(_rows_of, task)
    with ThreadPoolExecutor(config.decoders, "vpr_ros-decode") as pool:
        described = ordered_map(pool, look, range(done, len(rows)), 2 * config.decoders)
        for start in range(done, len(rows), config.batch_size):
            stop = min(start + config.batch_size, len(rows))
            parts = [next(described) for _ in range(start, stop)]
            local = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
            none = np.empty((stop - start, 0), np.float32)
            yield DescribedBatch(records[start:stop], none, [None] * (stop - start), local, [], [])
            if progress is not None:
                progress(stop, len(rows))


def _rows_of(task: LocalTask, index: int) -> Rows:
    if (record := task.records.get(index)) is not None:
        try:
            image_rgb = record.load_image()
            features = task.part.model.extract(image_rgb)
            return task.part.rows(features, size_px_of(image_rgb), record.load_depth_m)
        except FrameDecodeError as error:
            _LOG.warning("left out: %s", error)
    if task.kept is None:
        return encode_nothing(task.part.layout)
    return {name: rows[index] for name, rows in task.kept.items()}


def _stand_in(row: FrameRow) -> FrameRecord:
    """For a frame that nobody asks for its image."""

    def none() -> ImageRgb:
        raise FrameDecodeError(f"{row.name} is not in this recording", "Give the one it is in")

    return FrameRecord(row.stamp_ns, "", row.name, row.T_map_base, none)


def _finish(task: LocalTask, made: Path, progress: Progress | None) -> PlaceMap:
    """Put all else of the map beside its new local features, and open it as a robot would."""
    base = task.base
    has_index = base.manifest.index is not None and base.manifest.index.file is not None and base.index.fault is None
    has_numbers = NUMBERS_NAME in base.manifest.files and (base.path / NUMBERS_NAME).is_file()
    also = [*([INDEX_NAME] if has_index else []), *([NUMBERS_NAME] if has_numbers else [])]
    for name in (DESCRIPTORS_NAME, FRAMES_NAME, *also):
        _link(map_file(base.path, name), made / name)
    link_thumbnails(base, made)
    cameras = _cameras(task)
    of_session, looked_at = base.frames.session, task.known.copy()
    looked_at[list(task.records)] = True
    touched = np.unique(of_session[list(task.records)])
    sessions = [np.flatnonzero(looked_at & (of_session == session)).tolist() for session in touched]
    known = set(base.frames.camera_index[task.known].tolist())
    fresh = [number for number in range(len(cameras)) if number not in known]
    store, cameras = finish_local(made, task.part, base.frames, cameras, sessions, task.records.keys(), fresh, progress)
    (made / MANIFEST_NAME).unlink(missing_ok=True)
    shutil.copyfile(map_file(base.path, MANIFEST_NAME), made / MANIFEST_NAME)
    count, digest = base.manifest.thumbnails, base.manifest.thumbnails_sha256
    if not digest:  # of a map from before there were any
        count, digest = thumbnails_sha256(made, len(base))
    rewrite_manifest(
        made,
        sealed=True,
        local=store.entry.to_dict(),
        cameras=[camera_to_dict(camera) for camera in cameras],
        thumbnails=count,
        thumbnails_sha256=digest,
    )
    opened = PlaceMap.open(made)
    entry = replace(
        store.entry,
        calibration=calibrated_as_it_is(opened),
        viewing_range=viewing_range(opened),
        promise=own_promise(opened, progress=progress),
    )
    manifest = replace(opened.manifest, local=entry, drives=(), restated=None)
    if opened.manifest.drives:
        _LOG.warning("warning: %s", CALIBRATE_AGAIN)
    plain = manifest.to_dict()
    rewrite_manifest(made, sealed=True, **{key: plain[key] for key in ("local", "drives", "promise", "restated")})
    return PlaceMap.open(made)


def _link(old: Path, new: Path) -> None:
    """Give a file a second name, or a copy of it where the file system knows none."""
    new.unlink(missing_ok=True)
    try:
        new.hardlink_to(old.resolve())
    except OSError:
        shutil.copyfile(old, new)


def _cameras(task: LocalTask) -> tuple[CameraMount, ...]:
    """Those of the map, with the intrinsics that only the recording knows."""
    used = set(task.base.frames.camera_index[list(task.records)].tolist())
    entry = task.base.manifest.local
    cameras = list(task.base.manifest.cameras)
    for number in sorted(used):
        camera, name = cameras[number], recorded_name(cameras[number].name, task.cameras)
        seen = None if name is None else task.cameras[name].intrinsics
        before = entry.given_intrinsics.get(camera.name) if entry else None
        if camera.intrinsics is None:
            cameras[number] = replace(camera, intrinsics=seen)
        elif seen is not None and seen not in (camera.intrinsics, before):
            _LOG.warning("warning: camera %s keeps the intrinsics it has in the map, not the recording's", camera.name)
    return tuple(cameras)
