# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The options that say how a recording is read; every command that opens one has the same."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from vpr_ros.core.frames import FrameSource
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.frame_range import FrameRange, parse_frame_range

METAVARS = {
    "poses": "FILE",
    "intrinsics": "FILE",
    "image_topics": "T",
    "depth_topic": "T",
    "pose_topic": "T",
    "map_frame": "F",
    "camera_frame": "F",
    "base_frame": "F",
    "max_gap_s": "S",
    "max_image_pixels": "N",
}


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``SourceOptions`` and ``--frames``."""
    group = parser.add_argument_group("how the recording is read")
    for name, metavar in METAVARS.items():
        add_option(group, SourceOptions, name, metavar)
    add_option(group, SourceOptions, "depth_images")
    group.add_argument("--frames", default=":", metavar="A:B", help="use frames A to B-1 only, counted from 0")


def open_recording(
    path: Path, arguments: argparse.Namespace, require_poses: bool, warn: Callable[[str], object] | None = None
) -> FrameSource:
    """Open *path* as the parsed options say; *warn* is told what its description does not say, of intrinsics.

    Raises:
        ConfigError, SourceError: see ``SourceOptions``, ``open_source`` and ``FrameRange``.
    """
    start, stop = parse_frame_range(arguments.frames)
    source = open_source(path, config_from(SourceOptions, arguments, require_poses=require_poses))
    for warning in source.warnings:
        if warn is not None and warning not in source.description:
            warn(warning)
    return source if (start, stop) == (0, None) else FrameRange(source, start, stop)
