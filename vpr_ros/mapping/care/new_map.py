# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map made of frames of finished ones: its files written from theirs, with nothing described anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import vpr_ros
from vpr_ros.mapping.finish_local import counted
from vpr_ros.mapping.growing_array import GrowingArray
from vpr_ros.mapping.index_build import index_as_before
from vpr_ros.maps.descriptor_file import open_descriptors
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.frame_table import FrameRow, read_frame_table, write_frame_numbers, write_frame_table
from vpr_ros.maps.index_entry import INDEX_NAME
from vpr_ros.maps.local_codec import encode_nothing
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.local_store import LOCAL_NAME, LocalStore
from vpr_ros.maps.manifest import MANIFEST_NAME, MapManifest
from vpr_ros.maps.manifest_parts import FileEntry
from vpr_ros.maps.map_cameras import MapCameras
from vpr_ros.maps.map_files import map_file
from vpr_ros.maps.npy_file import map_array
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, FRAMES_NAME, PlaceMap
from vpr_ros.maps.thumbnails import THUMBNAILS_NAME, thumbnail_path, thumbnails_sha256

IntArray = npt.NDArray[np.int64]
ROWS_AT_ONCE = 1024

Recalibrate = Callable[[PlaceMap], MapManifest]
"""What the map that is made says of itself once it was asked."""


@dataclass(frozen=True, eq=False)
class Part:
    """Frames of one map.

    Attributes:
        base: the map.
        rows: (n,) which of its frames, ascending.
        lines: of those frames in the new map's table.
    """

    base: PlaceMap
    rows: IntArray
    lines: tuple[FrameRow, ...]

    def keeps_local_of(self, entry: LocalEntry) -> bool:
        """Whether the local features of these frames can lie beside others of *entry*."""
        own = self.base.manifest.local
        return own is not None and (own.sha256, own.layout) == (entry.sha256, entry.layout)


@dataclass(frozen=True, eq=False)
class NewMap:
    """What is to be written.

    Attributes:
        parts: where its frames come from, in their order.
        manifest: what it will say, but for what follows from the files that are written.
        recalibrate: asks the map that is made.
    """

    parts: tuple[Part, ...]
    manifest: MapManifest
    recalibrate: Recalibrate

    @property
    def frames(self) -> int:
        """How many it has."""
        return sum(len(part.rows) for part in self.parts)

    def write(self, folder: Path) -> PlaceMap:
        """Write all files into *folder* and open them as a robot would.

        Raises:
            MapError: a file of a map it is made of cannot be read, or what is made does not open.
            OSError: the disk refused.
        """
        _clean(folder)
        write_frame_table(folder / FRAMES_NAME, [line for part in self.parts for line in part.lines])
        of_table = write_frame_numbers(folder / FRAMES_NAME, self.frames)
        _write_rows(folder / DESCRIPTORS_NAME, (self.manifest.model.descriptor_dim,), self.manifest.dtype, self._rows())
        local = self._write_local(folder)
        self._link_thumbnails(folder / THUMBNAILS_NAME)
        pictures, pictures_sha256 = thumbnails_sha256(folder, self.frames)
        manifest = replace(
            self.manifest,
            format_version=FORMAT_VERSION,
            created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            software=f"vpr_ros {vpr_ros.__version__}",
            frames=self.frames,
            files={name: FileEntry.of(folder / name) for name in (*of_table, DESCRIPTORS_NAME)},
            thumbnails=pictures,
            thumbnails_sha256=pictures_sha256,
            local=local,
        )
        made = self._opened(folder, replace(manifest, index=None))
        index = index_as_before(made, self.parts[0].base)
        text = replace(self.recalibrate(made), index=index).to_yaml()
        (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")
        return PlaceMap.open(folder)

    def _opened(self, folder: Path, manifest: MapManifest) -> PlaceMap:
        """The map as far as it is without its manifest."""
        frames = read_frame_table(folder / FRAMES_NAME, tuple(camera.name for camera in manifest.cameras))
        dim, local = manifest.model.descriptor_dim, None
        if manifest.local is not None:
            cameras = MapCameras(frames, manifest.cameras)
            local = LocalStore(folder / LOCAL_NAME, manifest.local, len(frames), cameras)
        descriptors = open_descriptors(folder / DESCRIPTORS_NAME, len(frames), dim, manifest.dtype)
        return PlaceMap(folder, manifest, frames, descriptors, None, local)

    def _rows(self) -> Iterator[npt.NDArray[Any]]:
        for part in self.parts:
            for rows in _some(part.rows):
                yield part.base.descriptors[rows].astype(self.manifest.dtype)

    def _write_local(self, folder: Path) -> LocalEntry | None:
        entry = self.manifest.local
        if entry is None:
            return None
        (folder / LOCAL_NAME).mkdir()
        nothing = encode_nothing(entry.layout)
        for name, (shape, dtype) in entry.layout.rows.items():
            rows = self._local_rows(entry, name, shape, dtype, nothing[name])
            _write_rows(folder / LOCAL_NAME / name, shape, dtype, rows)
        return replace(entry, **counted(folder / LOCAL_NAME, entry.layout, self.frames))

    def _local_rows(
        self, entry: LocalEntry, name: str, shape: tuple[int, ...], dtype: str, nothing: npt.NDArray[Any]
    ) -> Iterator[npt.NDArray[Any]]:
        for part in self.parts:
            kept = None
            if part.keeps_local_of(entry):
                kept = map_array(part.base.path / LOCAL_NAME / name, (len(part.base), *shape), dtype)
            for rows in _some(part.rows):
                yield np.broadcast_to(nothing, (len(rows), *shape)) if kept is None else kept[rows]

    def _link_thumbnails(self, folder: Path) -> None:
        """Give each picture a second name, or a copy where the file system knows none."""
        folder.mkdir()
        number = 0
        for part in self.parts:
            there = part.base.path / THUMBNAILS_NAME
            for row in part.rows.tolist():
                old, new = thumbnail_path(there, row), thumbnail_path(folder, number)
                number += 1
                if not old.exists():
                    continue
                map_file(there, old.name)
                try:
                    new.hardlink_to(old)
                except OSError:
                    shutil.copyfile(old, new)


def _clean(folder: Path) -> None:
    """Remove what an interrupted edit left; new files come in its place, for a node may still read the old ones."""
    for name in (THUMBNAILS_NAME, LOCAL_NAME):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (FRAMES_NAME, DESCRIPTORS_NAME, MANIFEST_NAME, INDEX_NAME):
        (folder / name).unlink(missing_ok=True)


def _write_rows(path: Path, shape: tuple[int, ...], dtype: str, blocks: Iterator[npt.NDArray[Any]]) -> None:
    written, rows = GrowingArray(path, shape, dtype, None), 0
    try:
        written.start()
        for block in blocks:
            written.add(block)
            rows += len(block)
        written.finish(rows)
    finally:
        written.close()


def _some(rows: IntArray) -> Iterator[IntArray]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]
