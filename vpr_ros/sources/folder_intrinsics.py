"""The intrinsics of the images of a folder, where its format has them or a file beside them does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError, FrameDecodeError, SourceError
from vpr_ros.core.files import read_yaml
from vpr_ros.sources.colmap_cameras import CAMERAS_NAME, colmap_intrinsics
from vpr_ros.sources.fitted_intrinsics import Fitted, SizePx, fitted
from vpr_ros.sources.image_file import read_image
from vpr_ros.sources.image_listing import ImageListing, IntrinsicsFile
from vpr_ros.sources.text_lines import is_file

_OWN_NAME: Final = "camera.yaml"
_OWN_KEYS: Final = frozenset({"width_px", "fx_px", "lens"})
_LARGEST_BYTES: Final = 1 << 16


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
    """What ``simulate --record`` and the data sets of towns write beside their images."""
    path = next((p for p in (folder / _OWN_NAME, folder.parent / _OWN_NAME) if is_file(p)), None)
    return None if path is None else IntrinsicsFile(path, partial(_read_own, path))


def _read_own(path: Path, _: SizePx | None) -> CameraIntrinsics | None:
    plain = read_yaml(path, SourceError, _LARGEST_BYTES)
    return CameraIntrinsics.from_dict(plain) if isinstance(plain, dict) and plain.keys() >= _OWN_KEYS else None
