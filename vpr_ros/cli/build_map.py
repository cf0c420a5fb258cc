# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``build_map``: a recorded drive becomes a map."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vpr_ros.cli.local_words import local_text
from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.reindex import REINDEX, add_index_options, load_where_asked, reindex_map
from vpr_ros.cli.source_arguments import add_source_arguments, open_recording
from vpr_ros.core.command import program, run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.frames import FrameSource
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.core.printable import printable
from vpr_ros.inference import InferenceOptions, is_model, model_identity, open_for_many, open_local_model
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.mapping.build_config import BuildReport
from vpr_ros.mapping.builder import add_local
from vpr_ros.mapping.usable_frames import UNDECODABLE
from vpr_ros.maps.manifest import read_manifest

_LOG = logging.getLogger(__name__)
NAMES_TOLD = 10
"""Of the images that do not decode, in the last lines; before them each has a line of its own with its reason."""

EXAMPLE = """  %(prog)s drive.mcap --output my_map
  %(prog)s bag/ --image-topic /front/image_raw --map-frame map --camera-frame front_optical --output my_map
  %(prog)s rgb/ --poses groundtruth_tum.txt --min-distance 0.1 --min-angle 5 --output kitchen_map
  %(prog)s second_drive.mcap --output my_map --append
  %(prog)s drive.mcap --output my_map --add-local --local-model xfeat.onnx
  %(prog)s --reindex my_map
  %(prog)s utm_photos/ --local-origin --output city_map"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_build, argv)


def build_parser() -> CommandParser:
    """The command line; what can be chosen about the map is declared in ``BuildConfig``."""
    parser = CommandParser(
        "build_map", "Build a map from SOURCE: a rosbag2 recording, or a folder of images with poses.", EXAMPLE
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="bag folder, .mcap, .db3, or image folder")
    parser.add_argument("--output", type=Path, required=True, metavar="MAP", help="the map's folder")
    parser.add_argument("--model", type=Path, metavar="M.onnx", help="default: the shipped vpr_nano")
    parser.add_argument(
        "--local-model",
        type=Path,
        metavar="L.onnx",
        help="keep the local features that this model finds (default: those of --model, where it gives any)",
    )
    add_option(parser, InferenceOptions, "providers")
    gates = parser.add_argument_group("which frames enter the map")
    add_option(gates, BuildConfig, "min_distance_m", "M")
    add_option(gates, BuildConfig, "min_angle_rad", "DEG")
    how = parser.add_argument_group("how the map is written")
    how.add_argument("--append", action="store_true", help="add SOURCE to the map as another session")
    how.add_argument(
        "--add-local",
        action="store_true",
        help="give the frames of the map that SOURCE shows local features, and leave all else as it is",
    )
    how.add_argument("--resume", action="store_true", help="go on where an interrupted build stopped")
    add_option(how, BuildConfig, "overwrite")
    how.add_argument("--float16", dest="dtype", action="store_const", const="float16", help="half the size")
    add_option(how, BuildConfig, "thumbnails")
    add_option(how, BuildConfig, "batch_size", "N")
    add_option(how, BuildConfig, "radius_m", "M")
    add_option(how, BuildConfig, "position_sigma_m", "M")
    index = parser.add_argument_group("what finds the frames of the map")
    add_index_options(index)
    index.add_argument(REINDEX, type=Path, metavar="MAP", help="of a finished map, instead of SOURCE and --output")
    local = parser.add_argument_group("what is kept of local features")
    add_option(local, BuildConfig, "local")
    add_option(local, BuildConfig, "local_bytes", "N")
    add_option(local, BuildConfig, "local_bits", "N")
    add_option(local, BuildConfig, "refine_intrinsics")
    where = parser.add_mutually_exclusive_group()
    add_option(where, BuildConfig, "local_origin")
    add_option(where, BuildConfig, "origin_m", ("X", "Y", "Z"))
    add_source_arguments(parser)
    return parser


def _build(argv: Sequence[str]) -> None:
    if any(word.partition("=")[0] == REINDEX for word in argv) and not {"-h", "--help"}.intersection(argv):
        reindex_map(argv)
        return
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    config = config_from(BuildConfig, arguments, frame_id=arguments.map_frame)
    _check(arguments, config)
    source = open_recording(arguments.source, arguments, require_poses=not arguments.add_local, warn=_LOG.warning)
    extractor, local_model, config = _models(arguments, config, config_from(InferenceOptions, arguments))
    print(f"{source.description}\nmodel {extractor.info.name} {extractor.info.version} on {extractor.provider}")
    if local_model is not None and (with_depth := sum(record.load_depth_m is not None for record in source)):
        print(f"depth images of {with_depth} of {len(source)} frames")
    try:
        if arguments.add_local:
            _add_local(arguments, config, source, extractor, local_model)
            return
        with progress_bar("building", then="calibrating") as progress:
            report = build_map(
                source,
                extractor,
                arguments.output,
                config,
                append=arguments.append,
                resume=arguments.resume,
                progress=progress,
                local_model=local_model,
            )
    except KeyboardInterrupt:
        print("what is done is kept: finish it with the same command and --resume", file=sys.stderr)
        raise
    _print(report, arguments)
    load_where_asked(report.path)


def _check(arguments: argparse.Namespace, config: BuildConfig) -> None:
    """Refuse what argparse cannot see: options that do not go together.

    Raises:
        ConfigError: which.
    """
    if arguments.local_model is not None and not config.local:
        raise ConfigError("--local-model and --no-local are given", "Give one of the two")
    if arguments.add_local and (arguments.append or not config.local):
        other = "--append" if arguments.append else "--no-local"
        raise ConfigError(f"--add-local and {other} are given", "Give one of the two")


def _add_local(
    arguments: argparse.Namespace,
    config: BuildConfig,
    source: FrameSource,
    extractor: OnnxExtractor,
    local_model: LocalModel | None,
) -> None:
    if local_model is None:
        raise ConfigError(
            f"the model {extractor.info.name} gives no local features", "Name one that does with --local-model"
        )
    with progress_bar("adding", then="calibrating") as progress:
        report = add_local(
            source, extractor, local_model, arguments.output, config, resume=arguments.resume, progress=progress
        )
    path = printable(str(report.path))
    print(f"{path}: {report.added} of {report.frames} frames got local features, in {report.seconds:.1f} s")
    for count, why in (
        (report.known, "had some before"),
        (report.undecodable, UNDECODABLE),
        (report.elsewhere, "not in this recording, and still without"),
    ):
        if count:
            print(f"left out: {count} frames ({why})")
    if report.local is not None:
        print(local_text(report.local))


def _models(
    arguments: argparse.Namespace, config: BuildConfig, options: InferenceOptions
) -> tuple[OnnxExtractor, LocalModel | None, BuildConfig]:
    """What describes images, what finds their local features (in one run where both are one file), and how to build."""
    named = arguments.local_model
    adds_to_none = named is None and arguments.append and _has_no_local(arguments.output)
    wanted = config.local and not adds_to_none
    with_local = wanted and (named is None or is_model(named, model_identity(arguments.model)))
    extractor, options, runs = open_for_many(arguments.model, options, config.batch_size, with_local=with_local)
    if config.local and adds_to_none and extractor.has_local:
        _LOG.warning(
            "warning: map %s has no local features, so the new session gets none; they are added with --add-local",
            arguments.output,
        )
    local_model = open_local_model(extractor, named, options) if wanted else None
    return extractor, local_model, replace(config, networks=runs)


def _has_no_local(output: Path) -> bool:
    """Whether the map that is added to has none; one that does not open is refused later, with its reason."""
    try:
        return read_manifest(output).local is None
    except MapError:
        return False


def _print(report: BuildReport, arguments: argparse.Namespace) -> None:
    if report.was_complete:
        print(
            f"{report.path}: nothing left to resume, the interrupted build is complete and in its place: "
            f"{report.frames} frames; without --resume the command does it again"
        )
        return
    resumed = f", {report.resumed} of them by the interrupted build" if report.resumed else ""
    path = printable(str(report.path))
    print(f"{path}: {report.frames} frames, {report.added} new{resumed}, in {report.seconds:.1f} s")
    rest_s = report.seconds - report.describing_s
    print(f"time: {report.describing_s:.1f} s to decode and describe images, {rest_s:.1f} s to calibrate the map")
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
    if report.index is not None:
        print(f"index {report.index.words}")
    if report.local is not None:
        print(local_text(report.local))
    files = {"map": report.path, "model": arguments.model, "local_model": arguments.local_model}
    print(f"next: {_start({name: path for name, path in files.items() if path is not None})}")


def _start(files: Mapping[str, Path]) -> str:
    """How the node is started with these parameters."""
    localize = program("localize")
    if localize.startswith("ros2 "):
        given = (f"{name}:={shlex.quote(str(path.absolute()))}" for name, path in files.items())
        return f"ros2 launch vpr_ros localize.launch.py {' '.join(given)}"
    given = (f"-p {name}:={shlex.quote(_parameter(path.absolute()))}" for name, path in files.items())
    return f"{localize} --ros-args {' '.join(given)}"


def _parameter(path: Path) -> str:
    """As ROS reads it, to which a bare 2027 is a number and "on" is true: an absolute path is neither."""
    return str(path) if _is_plain(str(path)) else json.dumps(str(path))


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
