"""The options that say how a recording is read; every command that opens one has the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from vpr_ros.core.frames import FrameSource
from vpr_ros.core.image_header import MAX_IMAGE_PIXELS
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.frame_range import FrameRange, parse_frame_range


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``SourceOptions`` and ``--frames``."""
    group = parser.add_argument_group("how the recording is read")
    group.add_argument("--poses", type=Path, metavar="FILE", help="TUM, KITTI, EuRoC, RTAB-Map, COLMAP text or CSV")
    group.add_argument(
        "--image-topic", action="append", default=[], metavar="T", help="image topic of a bag; may be repeated"
    )
    group.add_argument("--pose-topic", metavar="T", help="pose topic of a bag")
    group.add_argument(
        "--map-frame",
        metavar="F",
        help="take poses from the bag's TF in this frame; beside --pose-topic or --poses: their frame's name",
    )
    group.add_argument("--camera-frame", metavar="F", help="TF frame of the camera")
    group.add_argument("--base-frame", default="base_link", metavar="F", help="TF frame of the robot (%(default)s)")
    group.add_argument(
        "--max-gap", type=float, metavar="S", help="longest gap between poses (default: 2.5 usual steps, 1 to 5 s)"
    )
    group.add_argument(
        "--max-image-pixels",
        type=int,
        default=MAX_IMAGE_PIXELS,
        metavar="N",
        help="leave out images of more pixels, undecoded (%(default)s)",
    )
    group.add_argument("--frames", default=":", metavar="A:B", help="use frames A to B-1 only, counted from 0")


def open_recording(path: Path, arguments: argparse.Namespace, require_poses: bool) -> FrameSource:
    """Open *path* as the parsed options say.

    Raises:
        ConfigError, SourceError: see ``SourceOptions``, ``open_source`` and ``FrameRange``.
    """
    start, stop = parse_frame_range(arguments.frames)
    options = SourceOptions(
        poses=arguments.poses,
        image_topics=tuple(arguments.image_topic),
        pose_topic=arguments.pose_topic,
        map_frame=arguments.map_frame,
        camera_frame=arguments.camera_frame,
        base_frame=arguments.base_frame,
        max_gap_s=arguments.max_gap,
        require_poses=require_poses,
        max_image_pixels=arguments.max_image_pixels,
    )
    source = open_source(path, options)
    return source if (start, stop) == (0, None) else FrameRange(source, start, stop)
