# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``local/``: the local features of a map, read frame by frame."""

from __future__ import annotations

import functools
import math
import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import MapError
from vpr_ros.core.local_features import LocalFeatures, MapFeatures
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.maps.local_codec import (
    DEPTH,
    DESCRIPTORS,
    KEYPOINTS,
    LARGEST_SIZE_PX,
    SCORES,
    SIZES,
    LocalLayout,
    decode_keypoints,
    unpack,
)
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.map_cameras import MapCameras
from vpr_ros.maps.map_files import DAMAGED, map_errors, map_file, map_folder
from vpr_ros.maps.npy_file import HEADER_BYTES, check_header

LOCAL_NAME: Final = "local"


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """M keypoints of one frame, best first.

    Attributes:
        keypoints_px: (M, 2) float32.
        descriptors: (M, C) float32, rows of unit length.
        scores: (M,) float32.
        depth_m: (M,) float32 along the optical axis, NaN where unknown.
        width_px, height_px: of the image; 0 where nobody has looked for features in it.
    """

    keypoints_px: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    depth_m: npt.NDArray[np.float32]
    width_px: int
    height_px: int

    @property
    def as_seen(self) -> LocalFeatures:
        """The same as if they had just been found in an image, to be asked about."""
        return LocalFeatures(self.keypoints_px, self.descriptors, self.scores)


class LocalFiles:
    """The files of ``local/``, kept open. Safe to use from several threads.

    They are read, not mapped: one that is cut short while it is open is an error then, and not the end of the process.
    A map that is deleted or replaced meanwhile goes on answering.

    Args:
        folder: ``local/``.
        layout: see ``LocalLayout``.
        frames: how many.

    Raises:
        MapError: a file is missing, lies elsewhere, or is of another shape.
    """

    def __init__(self, folder: Path, layout: LocalLayout, frames: int) -> None:
        self._folder, self._layout, self._frames = folder, layout, frames
        self._descriptors: dict[str, int] = {}
        with map_errors(folder):
            map_folder(folder.parent, folder.name)
            for name, (shape, dtype) in layout.rows.items():
                path = map_file(folder, name)
                with path.open("rb") as stream:
                    if check_header(path, stream, (frames, *shape), dtype) != HEADER_BYTES:
                        raise MapError(f"{path} has a header of another length than {HEADER_BYTES} bytes", DAMAGED)
                    opened = os.dup(stream.fileno())
                self._descriptors[name] = opened
                weakref.finalize(self, os.close, opened)

    def features(self, index: int) -> StoredFeatures:
        """Those of frame *index*.

        Raises:
            MapError: they cannot be read, or cannot be.
        """
        layout = self._layout
        count, width_px, height_px = (int(value) for value in self._row(SIZES, index))
        sides_possible = 0 < width_px <= LARGEST_SIZE_PX and 0 < height_px <= LARGEST_SIZE_PX
        sides_possible |= not count and not width_px and not height_px  # nobody has looked at the frame
        if count > layout.keypoints or not sides_possible:
            raise self._damaged(SIZES, index, f"{count} keypoints in {width_px}x{height_px} px")
        scores = self._row(SCORES, index)[:count].astype(np.float32)
        if not np.isfinite(scores).all():
            raise self._damaged(SCORES, index, "a score that is no number")
        depth_m = self._row(DEPTH, index)[:count].astype(np.float32)
        if not (np.isnan(depth_m) | ((depth_m > 0) & (depth_m < np.inf))).all():
            raise self._damaged(DEPTH, index, "a depth that is not positive")
        return StoredFeatures(
            decode_keypoints(self._row(KEYPOINTS, index)[:count], width_px, height_px),
            unpack(self._row(DESCRIPTORS, index)[:count], layout.dim, layout.bits),
            scores,
            depth_m,
            width_px,
            height_px,
        )

    def not_looked_at(self) -> int:
        """In how many frames nobody has looked for features yet.

        Raises:
            MapError: they cannot be read.
        """
        return sum(not self._row(SIZES, index).any() for index in range(self._frames))

    def _row(self, name: str, index: int) -> npt.NDArray[Any]:
        shape, dtype = self._layout.rows[name]
        if not 0 <= index < self._frames:
            raise MapError(f"{self._folder} has {self._frames} frames, {index} was asked for", "Ask for one it has")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        with map_errors(self._folder / name):
            content = os.pread(self._descriptors[name], size, HEADER_BYTES + index * size)
        if len(content) != size:
            raise self._damaged(name, index, f"{len(content)} bytes, expected {size}")
        return np.frombuffer(content, dtype).reshape(shape)

    def _damaged(self, name: str, index: int, found: str) -> MapError:
        return MapError(f"{self._folder / name}: frame {index} has {found}", DAMAGED)


class LocalStore:
    """The local features of a map; satisfies ``core.local_features.LocalFeatureMap``.

    Attributes:
        entry: what the manifest says of them.
        files: where they lie.
    """

    def __init__(self, folder: Path, entry: LocalEntry, frames: int, cameras: MapCameras, kept: int = 0) -> None:
        """Open what is in *folder*, and keep the last *kept* frames that were asked for in memory.

        Raises:
            MapError: see ``LocalFiles``.
        """
        self.entry = entry
        self._folder = folder
        self.files = LocalFiles(folder, entry.layout, frames)
        self._cameras = cameras
        self._read = functools.lru_cache(kept)(self._of) if kept else self._of

    @property
    def sha256(self) -> str:
        """Hash of the model that found them."""
        return self.entry.sha256

    def check_model(self, sha256: str, info: LocalInfo) -> None:
        """Refuse a model other than the one that found them; *info* is what its file says, *sha256* of what bytes.

        Raises:
            MapError: it is another one, or the manifest says of its descriptors what they are not.
        """
        entry = self.entry
        if sha256 != entry.sha256:
            raise MapError(
                f"the local features in {self._folder} were found by the model {entry.name} {entry.version} "
                f"({entry.sha256[:16]}), those of images by {info.name} {info.version} ({sha256[:16]})",
                "Give the local model that the map was built with, or build the map again with this one",
            )
        if info.dim != entry.layout.dim:
            raise MapError(
                f"the local descriptors in {self._folder} have {entry.layout.dim} numbers, those of the model that "
                f"found them have {info.dim}",
                DAMAGED,
            )

    def of(self, index: int) -> MapFeatures:
        """Those of map frame *index*.

        Raises:
            MapError: they cannot be read.
        """
        return self._read(index)

    def _of(self, index: int) -> MapFeatures:
        found = self.files.features(index)
        intrinsics = self._cameras.intrinsics(index, found.width_px, found.height_px)
        return MapFeatures(
            found.keypoints_px,
            found.descriptors,
            found.scores,
            self._position_m(index, found, intrinsics),
            (found.width_px, found.height_px),
            intrinsics,
        )

    def _position_m(
        self, index: int, found: StoredFeatures, intrinsics: CameraIntrinsics | None
    ) -> npt.NDArray[np.float64]:
        position_m = np.full((len(found.keypoints_px), 3), np.nan)
        if not len(position_m):
            return position_m
        T_map_camera = self._cameras.T_map_camera(index)
        if T_map_camera is None or intrinsics is None:
            return position_m
        known = np.isfinite(found.depth_m)
        if known.any():
            in_camera_m = intrinsics.unproject(found.keypoints_px[known]) * found.depth_m[known, None].astype(
                np.float64
            )
            position_m[known] = T_map_camera.rotation.apply(in_camera_m) + T_map_camera.position_m
        return position_m


def check_local(folder: Path, store: LocalStore, frames: int) -> None:
    """Read every frame, and count.

    Raises:
        MapError: a frame that cannot be, or another number of features than the manifest says.
    """
    features = with_depth = 0
    for index in range(frames):
        found = store.files.features(index)
        features += len(found.scores)
        with_depth += int(np.isfinite(found.depth_m).sum())
    if (features, with_depth) != (store.entry.features, store.entry.with_depth):
        raise MapError(
            f"{folder} holds {features} features, {with_depth} of them with depth, the manifest says "
            f"{store.entry.features} and {store.entry.with_depth}",
            DAMAGED,
        )
