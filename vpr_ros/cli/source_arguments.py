"""The options that say how a recording is read; every command that opens one has the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from vpr_ros.core.frames import FrameSource
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.frame_range import FrameRange, parse_frame_range

METAVARS = {
    "poses": "FILE",
    "intrinsics": "FILE",
    "image_topics": "T",
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
    group.add_argument("--frames", default=":", metavar="A:B", help="use frames A to B-1 only, counted from 0")


def open_recording(path: Path, arguments: argparse.Namespace, require_poses: bool) -> FrameSource:
    """Open *path* as the parsed options say.

    Raises:
        ConfigError, SourceError: see ``SourceOptions``, ``open_source`` and ``FrameRange``.
    """
    start, stop = parse_frame_range(arguments.frames)
    source = open_source(path, config_from(SourceOptions, arguments, require_poses=require_poses))
    return source if (start, stop) == (0, None) else FrameRange(source, start, stop)
