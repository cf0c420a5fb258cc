# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The intrinsics of the images of a folder, where its format has them or a file beside them does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vpr_ros.core.errors import ConfigError, FrameDecodeError, SourceError
from vpr_ros.core.fitted_intrinsics import Fitted, fitted
from vpr_ros.core.frames import SizePx
from vpr_ros.sources.colmap_cameras import CAMERAS_NAME, colmap_intrinsics
from vpr_ros.sources.image_file import read_image
from vpr_ros.sources.image_listing import ImageListing, IntrinsicsFile
from vpr_ros.sources.own_camera_file import own_camera_file, own_intrinsics
from vpr_ros.sources.text_lines import is_file


def folder_intrinsics(folder: Path, listing: ImageListing, trajectory: Path | None) -> Fitted:
    """Read what *listing* names, else ``cameras.txt`` beside COLMAP's *trajectory*, else our own ``camera.yaml``."""
    found = listing.intrinsics or _colmap(trajectory) or _own(folder)
    if found is None:
        return None, []
    try:
        size_px = _size(listing.images)
        read = found.read(size_px)
    except (ConfigError, SourceError) as error:
        return None, [f"the intrinsics of {found.path} are not used: {error.problem}"]
    return (None, []) if read is None else fitted(read, size_px, str(found.path))


def _size(images: Sequence[Path]) -> SizePx | None:
    """Of the first image as it is decoded, turned as its EXIF says; None where it is none. All are of one camera."""
    try:
        height_px, width_px = read_image(images[0]).shape[:2]
    except FrameDecodeError:
        return None
    return width_px, height_px


def _colmap(trajectory: Path | None) -> IntrinsicsFile | None:
    if trajectory is None or not is_file(path := trajectory.parent / CAMERAS_NAME):
        return None
    return IntrinsicsFile(path, partial(colmap_intrinsics, path))


def _own(folder: Path) -> IntrinsicsFile | None:
    path = own_camera_file(folder)
    return None if path is None else IntrinsicsFile(path, partial(own_intrinsics, path))
