# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Open whatever a user calls a recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.frames import SizePx
from vpr_ros.core.paths import user_path
from vpr_ros.sources.bag_files import BAG_SUFFIXES
from vpr_ros.sources.bag_source import open_bag
from vpr_ros.sources.image_folder import open_folder
from vpr_ros.sources.intrinsics_file import calibrated
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.recorded_source import RecordedSource
from vpr_ros.sources.text_lines import is_file, is_folder, is_there

_VIDEO = "Take its frames out: `ffmpeg -i VIDEO images/%06d.jpg` into a folder of their own"
_REMEDIES: Final = {
    ".bag": "Convert the ROS 1 recording: `rosbags-convert --src DRIVE.bag --dst drive`, from `pip install rosbags`",
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv", ".webm"), _VIDEO),
    **dict.fromkeys((".zip", ".tar", ".gz", ".zst", ".zstd"), "Unpack it first"),
}


def open_source(path: Path, options: SourceOptions | None = None) -> RecordedSource:
    """Open a rosbag2 folder, a single ``.mcap`` or ``.db3`` file, or a folder of images.

    What was left out, and why poses that are there are not used, stands in the ``description``.

    Raises:
        ConfigError: *path* is none, or the intrinsics given are none of its camera.
        SourceError: it is none of these, or cannot be used; see ``open_bag`` and ``open_folder``.
        ClockError: image and pose times do not meet.
    """
    options = options or SourceOptions()
    source = _opened(path, options)
    if options.intrinsics is None:
        return source
    file = user_path(options.intrinsics, "the calibration")
    return replace(source, cameras=calibrated(source.cameras, file, _size_px(source)))


def _size_px(source: RecordedSource) -> SizePx:
    """Of the first image that decodes."""
    for record in source:
        try:
            height_px, width_px = record.load_image().shape[:2]
        except FrameDecodeError:
            continue
        return width_px, height_px
    raise SourceError(
        f"{source.description}: no image decodes, so that --intrinsics cannot be compared with any",
        "Open some of the images with another program: they are damaged, or no images",
    )


def _opened(path: Path, options: SourceOptions) -> RecordedSource:
    path = user_path(path, "the recording")
    if is_file(path) and path.suffix in BAG_SUFFIXES:
        return open_bag(path, options)
    if is_folder(path):
        is_bag = is_file(path / "metadata.yaml") or any(p.suffix in BAG_SUFFIXES for p in _inside(path))
        return open_bag(path, options) if is_bag else open_folder(path, options)
    exists = is_there(path)
    found = "a file of another kind" if exists else "nothing"
    remedy = _REMEDIES.get(path.suffix.lower(), "Check the path") if exists else "Check the path"
    raise SourceError(
        f"{path}: found {found}, expected a rosbag2 folder, an .mcap or .db3 file, or a folder of images", remedy
    )


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be read ({error.strerror or error})", "Allow yourself to read it"
        ) from error
