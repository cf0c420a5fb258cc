"""``build_map``: a recorded drive becomes a map."""

from __future__ import annotations

import argparse
import json
import logging
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.source_arguments import add_source_arguments, open_recording
from vpr_ros.core.command import program, run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.printable import printable
from vpr_ros.inference import InferenceOptions, open_extractor
from vpr_ros.inference.options import PREFERENCE
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.mapping.build_config import BuildReport
from vpr_ros.mapping.usable_frames import UNDECODABLE

NAMES_TOLD = 10
"""Of the images that do not decode, in the last lines; before them each has a line of its own with its reason."""

EXAMPLE = """  %(prog)s drive.mcap --output my_map
  %(prog)s bag/ --image-topic /front/image_raw --map-frame map --camera-frame front_optical --output my_map
  %(prog)s rgb/ --poses groundtruth_tum.txt --min-distance 0.1 --min-angle 5 --output kitchen_map
  %(prog)s second_drive.mcap --output my_map --append
  %(prog)s utm_photos/ --local-origin --output city_map"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_build, argv)


def build_parser() -> CommandParser:
    """The command line. Defaults of the gates are those of ``BuildConfig``."""
    defaults = BuildConfig()
    parser = CommandParser(
        "build_map", "Build a map from SOURCE: a rosbag2 recording, or a folder of images with poses.", EXAMPLE
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="bag folder, .mcap, .db3, or image folder")
    parser.add_argument("--output", type=Path, required=True, metavar="MAP", help="the map's folder")
    parser.add_argument("--model", type=Path, metavar="M.onnx", help="default: the shipped vpr_nano")
    parser.add_argument(
        "--provider", action="append", choices=PREFERENCE, help="what may run the model, best first; may be repeated"
    )
    gates = parser.add_argument_group("which frames enter the map")
    gates.add_argument(
        "--min-distance", type=float, default=defaults.min_distance_m, metavar="M", help="metres moved (%(default)s)"
    )
    gates.add_argument(
        "--min-angle",
        type=float,
        default=round(math.degrees(defaults.min_angle_rad), 6),
        metavar="DEG",
        help="degrees turned (%(default)s); with both gates at 0 every frame enters",
    )
    how = parser.add_argument_group("how the map is written")
    how.add_argument("--append", action="store_true", help="add SOURCE to the map as another session")
    how.add_argument("--resume", action="store_true", help="go on where an interrupted build stopped")
    how.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a map that stands at MAP; beside --append only what an interrupted build left",
    )
    how.add_argument("--float16", action="store_true", help="half the size, slower search")
    how.add_argument("--no-thumbnails", action="store_true", help="keep no small pictures")
    how.add_argument("--batch-size", type=int, default=defaults.batch_size, metavar="N", help="images at a time")
    how.add_argument(
        "--radius", type=float, metavar="M", help="frames nearer than this are one place (default: chosen)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--local-origin", action="store_true", help="the first frame, in whole metres, becomes the map's zero"
    )
    where.add_argument(
        "--origin", type=float, nargs=3, metavar=("X", "Y", "Z"), help="this point of the poses becomes the map's zero"
    )
    add_source_arguments(parser)
    return parser


def _build(argv: Sequence[str]) -> None:
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    config = _config(arguments)
    source = open_recording(arguments.source, arguments, require_poses=True)
    options = InferenceOptions(providers=tuple(arguments.provider or PREFERENCE))
    extractor = open_extractor(arguments.model, options)
    print(f"{source.description}\nmodel {extractor.info.name} {extractor.info.version} on {extractor.provider}")
    try:
        with progress_bar("building") as progress:
            report = build_map(
                source,
                extractor,
                arguments.output,
                config,
                append=arguments.append,
                resume=arguments.resume,
                progress=progress,
            )
    except KeyboardInterrupt:
        print("what is done is kept: finish it with the same command and --resume", file=sys.stderr)
        raise
    _print(report)


def _config(arguments: argparse.Namespace) -> BuildConfig:
    return BuildConfig(
        min_distance_m=arguments.min_distance,
        min_angle_rad=math.radians(arguments.min_angle),
        batch_size=arguments.batch_size,
        dtype="float16" if arguments.float16 else "float32",
        thumbnails=not arguments.no_thumbnails,
        radius_m=arguments.radius,
        overwrite=arguments.overwrite,
        frame_id=arguments.map_frame,
        origin_m=None if arguments.origin is None else tuple(arguments.origin),
        local_origin=arguments.local_origin,
    )


def _print(report: BuildReport) -> None:
    if report.was_complete:
        print(
            f"{report.path}: nothing left to resume, the interrupted build is complete and in its place: "
            f"{report.frames} frames; without --resume the command does it again"
        )
        return
    resumed = f", {report.resumed} of them by the interrupted build" if report.resumed else ""
    path = printable(str(report.path))
    print(f"{path}: {report.frames} frames, {report.added} new{resumed}, in {report.seconds:.1f} s")
    for reason, count in report.skipped.items():
        if count:
            named = _some(report.undecodable, count) if reason == UNDECODABLE else ""
            print(f"left out: {count} frames ({reason}){named}")
    if report.origin_m is not None:
        print("origin: {:.10g} {:.10g} {:.10g} m of the recordings' poses".format(*report.origin_m))
    calibration = report.calibration
    print(
        f"one place within {calibration.radius_m:.2f} m; calibration {calibration.kind} "
        f"({calibration.samples_right} right, {calibration.samples_wrong} wrong answers)"
    )
    localize = program("localize")
    with_ros = localize.startswith("ros2 ")
    start = "ros2 launch vpr_ros localize.launch.py map:=" if with_ros else f"{localize} --ros-args -p map:="
    path = str(report.path.absolute())  # a bare 2027 is a number to ROS, and "on" is true
    print(f"next: {start}{shlex.quote(path if with_ros or _is_plain(path) else json.dumps(path))}")


def _is_plain(path: str) -> bool:
    """Whether ROS, which reads parameters as YAML, takes *path* for the text it is."""
    return not any(mark in path for mark in ":#'\"\\") and path.isprintable() and path.strip() == path


def _some(names: Sequence[str], count: int) -> str:
    """The first of the names, and how many are not told: an interrupted build told its own."""
    told = names[:NAMES_TOLD]
    more = f" and {count - len(told)} more" if count > len(told) else ""
    return f": {', '.join(told)}{more}" if told else ""


if __name__ == "__main__":
    raise SystemExit(main())
