# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An opened map: poses, descriptors, and what finds them."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_ros.core.command import program
from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount, ImageRgb
from vpr_ros.core.free_memory import available_bytes
from vpr_ros.core.hashing import file_fingerprint, file_sha256
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.pose import Pose
from vpr_ros.maps.descriptor_file import Descriptors, check_rows, open_descriptors
from vpr_ros.maps.frame_index import ExactIndex, FrameIndex
from vpr_ros.maps.frame_table import NUMBERS_NAME, FrameTable, read_frame_numbers, read_frame_table
from vpr_ros.maps.local_store import LOCAL_NAME, LocalStore, check_local
from vpr_ros.maps.manifest import MANIFEST_NAME, MapManifest, read_manifest
from vpr_ros.maps.manifest_parts import FileEntry, ModelEntry
from vpr_ros.maps.map_cameras import MapCameras
from vpr_ros.maps.map_files import DAMAGED, map_errors, map_file, map_folder
from vpr_ros.maps.open_index import open_index
from vpr_ros.maps.remote.opening import open_remote
from vpr_ros.maps.search import SearchResult
from vpr_ros.maps.thumbnails import THUMBNAILS_NAME, read_thumbnail, thumbnails_sha256

DESCRIPTORS_NAME = "descriptors.npy"
FRAMES_NAME = "frames.csv"

FRAME_BYTES = 400
"""Of memory while the table of frames is read; a quarter of it stays. An index is there twice while it is read."""

Identity = tuple[tuple[int, int, int, int], ...]
"""Device, inode, size and time of change of the map's files: tells one version of a map from the next."""


class PlaceMap:
    """A map folder, opened read-only. Safe to use from several threads.

    The files are mapped into memory: a map that is deleted or replaced while open goes on answering,
    and ``is_current`` tells. One that is overwritten in place does so only ``in_memory``.

    Attributes:
        path: the folder.
        manifest: see ``MapManifest``.
        frames: see ``FrameTable``.
        local: the local features of its frames, read frame by frame; None where the map has none, or
            its index is remote and they are not here.
        index: what ``search`` asks.
    """

    def __init__(
        self,
        path: Path,
        manifest: MapManifest,
        frames: FrameTable,
        descriptors: Descriptors | None,
        identity: Identity | None,
        local: LocalStore | None = None,
        index: FrameIndex | None = None,
    ) -> None:
        """Put the parts together; without an *index* every descriptor is asked, without *descriptors* the index."""
        self.path = path
        self.manifest = manifest
        self.frames = frames
        self._descriptors = descriptors
        self.local = local
        self.index: FrameIndex = index or ExactIndex(self.descriptors)
        self._mounts = {camera.name: camera for camera in manifest.cameras}
        self._identity = identity

    def with_manifest(self, manifest: MapManifest) -> PlaceMap:
        """The same frames, of which another manifest tells."""
        return PlaceMap(self.path, manifest, self.frames, self._descriptors, self._identity, self.local, self.index)

    @classmethod
    def open(cls, path: Path, *, sealed: bool = True) -> PlaceMap:
        """Open the map in the folder *path*, checking the manifest, sizes, sampled hashes and sampled rows.

        Args:
            path: the folder.
            sealed: refuse a manifest that was changed since it was sealed.

        Raises:
            MapError: the folder is no map, cannot be read, is damaged, or is newer than this software.
        """
        path = Path(path)
        with map_errors(path):
            identity = _identity(path)
            manifest = read_manifest(path, sealed=sealed)
            has_descriptors = not _is_remote(manifest) or (path / DESCRIPTORS_NAME).exists()
            for name in (FRAMES_NAME, DESCRIPTORS_NAME):
                if name not in manifest.files:
                    raise MapError(f"{path / MANIFEST_NAME} has no entry for {name}", DAMAGED)
                if name != DESCRIPTORS_NAME or has_descriptors:
                    _check_file(path, name, manifest.files[name], complete=False)
            _check_memory(path, manifest)
            cameras = tuple(camera.name for camera in manifest.cameras)
            frames = read_frame_table(path / FRAMES_NAME, cameras, _numbers(path, manifest))
            if len(frames) != manifest.frames or frames.session.max() >= len(manifest.sessions):
                raise MapError(
                    f"{path}: {FRAMES_NAME} has {len(frames)} rows of {len(np.unique(frames.session))} sessions, "
                    f"the manifest says {manifest.frames} of {len(manifest.sessions)}",
                    DAMAGED,
                )
            descriptors = None
            if has_descriptors:
                dim, file = manifest.model.descriptor_dim, path / DESCRIPTORS_NAME
                descriptors = open_descriptors(file, len(frames), dim, manifest.dtype)
            local = _open_local(path, manifest, frames)
            index = _open_index(path, manifest, frames, descriptors)
        return cls(path, manifest, frames, descriptors, identity, local, index)

    def in_memory(self) -> PlaceMap:
        """The same map with a copy of its descriptors, for those who must outlive whatever happens to the file."""
        if self._descriptors is None:
            return self
        copied = self._descriptors.copy()
        index = self.index.over(copied)
        return PlaceMap(self.path, self.manifest, self.frames, copied, self._identity, self.local, index)

    @property
    def descriptors(self) -> Descriptors:
        """(N, D) float32 or float16, rows of unit length.

        Raises:
            MapError: they lie on a server only, see ``has_descriptors``.
        """
        if self._descriptors is None:
            raise MapError(
                f"{self.path / DESCRIPTORS_NAME} is not here: the descriptors of this map lie on a server, which only "
                "answers searches",
                f"Do this where the map was built, or copy its {DESCRIPTORS_NAME} from there into the folder",
            )
        return self._descriptors

    @property
    def has_descriptors(self) -> bool:
        """Whether they lie in its folder; a map whose index is remote needs none there to be asked."""
        return self._descriptors is not None

    def __len__(self) -> int:
        return len(self.frames)

    def pose(self, index: int) -> Pose:
        """``T_map_base`` of frame *index*; its quaternion is None where the orientation is unknown."""
        return self.frames.pose(index)

    def mount(self, camera: str) -> CameraMount | None:
        """Where the camera called *camera* sat, None for a camera the map does not know."""
        return self._mounts.get(camera)

    def thumbnail(self, index: int) -> ImageRgb | None:
        """A small picture of frame *index*, (h, w, 3) uint8, or None where the map has none to show.

        None as well where another map has its place by now: the same number is another frame there.
        """
        now = _identity(self.path)
        if self._identity is not None and (now is None or now[1:] != self._identity[1:]):  # but for the manifest
            return None
        return read_thumbnail(self.path, index)

    def check_model(self, info: ModelInfo, sha256: str) -> None:
        """Refuse a model other than the one that made the descriptors.

        Raises:
            MapError: both values and the command that builds the map again.
        """
        check_same_model(self.path, self.manifest.model, ModelEntry.of(info, sha256))

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64] | None = None
    ) -> SearchResult:
        """Find the *k* most similar frames of each query; see ``FrameIndex.search``."""
        return self.index.search(queries, k, allowed)

    def is_current(self) -> bool:
        """Whether the folder still holds the map that was opened: not deleted, not replaced, not written into."""
        return self._identity is not None and _identity(self.path) == self._identity

    def verify(self) -> None:
        """Read every byte: full hashes, every descriptor finite and of unit length, pictures, local features. Slow.

        Raises:
            MapError: which file is damaged.
        """
        with map_errors(self.path):
            for name, entry in self.manifest.files.items():
                if name != DESCRIPTORS_NAME or self.has_descriptors:
                    _check_file(self.path, name, entry, complete=True)
            if self.has_descriptors:
                check_rows(self.path / DESCRIPTORS_NAME, self.descriptors, np.arange(len(self)))
            if self.index.fault is not None:
                raise self.index.fault
            if self.manifest.thumbnails_sha256:
                _check_thumbnails(self.path, self.manifest)
            if self.local is not None:
                for name, entry in self.local.entry.files.items():
                    _check_file(self.path / LOCAL_NAME, name, entry, complete=True)
                check_local(self.path / LOCAL_NAME, self.local, len(self))


def check_same_model(path: Path, built_with: ModelEntry, offered: ModelEntry) -> None:
    """Refuse *offered* where the map in *path* was built with another model.

    Raises:
        MapError: both values and the command that builds the map again.
    """
    differences = [
        f"{name} {getattr(built_with, name)} in the map, {getattr(offered, name)} in the model"
        for name in ("sha256", "preprocessing", "descriptor_dim", "cross_image")
        if getattr(built_with, name) != getattr(offered, name)
    ]
    if differences:
        raise MapError(
            f"map {path} was built with model {built_with.name} {built_with.version}, "
            f"not with {offered.name} {offered.version}: {'; '.join(differences)}",
            "Use the map's own model, or build the map again with this one: "
            f"`{program('build_map')} SOURCE --output {shlex.quote(str(path))} --overwrite`, "
            "and `--model FILE` where it is not the model that ships. A file that gives the same descriptors with "
            "more beside them goes with the map once `describe_model --same-as` has compared them",
        )


def _is_remote(manifest: MapManifest) -> bool:
    return manifest.index is not None and manifest.index.kind == "remote"


def _open_index(path: Path, manifest: MapManifest, frames: FrameTable, descriptors: Descriptors | None) -> FrameIndex:
    entry = manifest.index
    if descriptors is None or (entry is not None and entry.kind == "remote"):
        return open_remote(path, manifest, frames)
    return open_index(path, entry, descriptors, manifest.files[DESCRIPTORS_NAME].sha256)


def _numbers(path: Path, manifest: MapManifest) -> npt.NDArray[Any] | None:
    """Those of the table, None where they are not kept apart, or are damaged: the table has them too."""
    entry = manifest.files.get(NUMBERS_NAME)
    if entry is None:
        return None
    try:
        _check_file(path, NUMBERS_NAME, entry, complete=False)
        return read_frame_numbers(path / NUMBERS_NAME, manifest.frames)
    except MapError:
        return None


def _check_memory(path: Path, manifest: MapManifest) -> None:
    """Refuse a map that takes more memory than there is, before it is gone and the kernel ends some process."""
    index = 0 if manifest.index is None or manifest.index.file is None else manifest.index.file.size_bytes
    needed, available = FRAME_BYTES * manifest.frames + 2 * index, available_bytes()
    if available is not None and needed > available:
        raise MapError(
            f"map {path} needs {needed / 2**20:.0f} MiB of memory to open, {available / 2**20:.0f} MiB are free",
            "End other programs, or take fewer frames: edit_map prune, or build_map with a larger --min-distance",
        )


def _open_local(path: Path, manifest: MapManifest, frames: FrameTable) -> LocalStore | None:
    entry = manifest.local
    if entry is None or (_is_remote(manifest) and not (path / LOCAL_NAME).exists()):
        return None  # a robot that asks a server may do without: its answers are retrieved ones then
    map_folder(path, LOCAL_NAME)
    for name, file in entry.files.items():
        _check_file(path / LOCAL_NAME, name, file, complete=False)
    return LocalStore(path / LOCAL_NAME, entry, len(frames), MapCameras(frames, manifest.cameras))


def _check_file(path: Path, name: str, entry: FileEntry, *, complete: bool) -> None:
    file = map_file(path, name)
    size = file.stat().st_size
    if size != entry.size_bytes:
        raise MapError(f"{file} has {size} bytes, the manifest says {entry.size_bytes}", DAMAGED)
    if complete:
        found, expected = file_sha256(file), entry.sha256
    else:
        found, expected = file_fingerprint(file), entry.fingerprint
    if found != expected:
        raise MapError(f"{file} is corrupt: its checksum is {found[:16]}, the manifest says {expected[:16]}", DAMAGED)


def _check_thumbnails(path: Path, manifest: MapManifest) -> None:
    found = thumbnails_sha256(path, manifest.frames)
    if found != (manifest.thumbnails, manifest.thumbnails_sha256):
        raise MapError(
            f"{path / THUMBNAILS_NAME} holds {found[0]} pictures with the checksum {found[1][:16]}, the manifest says "
            f"{manifest.thumbnails} with {manifest.thumbnails_sha256[:16]}",
            "Restore the folder from a backup; or accept it as it is, since the pictures are only for show, with "
            f"`{program('inspect_map')} {shlex.quote(str(path))} --reseal`",
        )


def _identity(path: Path) -> Identity | None:
    try:
        files = [(path / name).stat() for name in (MANIFEST_NAME, FRAMES_NAME)]
    except (OSError, ValueError):  # ValueError: a name with a NUL byte
        return None
    with contextlib.suppress(OSError):  # not here where a server has them, which the manifest tells
        files.append((path / DESCRIPTORS_NAME).stat())
    return tuple((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) for status in files)
