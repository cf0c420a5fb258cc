# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``evaluate``: how often the robot would know where it is, how far off, how surely and how fast."""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.table import Table

from vpr_ros import __version__
from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.source_arguments import add_source_arguments, open_recording
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import ODOMETRY_NAME
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.evaluate import EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.metrics import Metrics
from vpr_ros.evaluation.panoramas import Panoramas
from vpr_ros.evaluation.positives_by_distance import DEFAULT_RADIUS_M, PoseThreshold
from vpr_ros.evaluation.report import write_report
from vpr_ros.evaluation.results_folder import check_results_folder
from vpr_ros.evaluation.sequence.drive import Drive
from vpr_ros.evaluation.sequence.recorded_odometry import Key, odometry_file, recorded_odometry
from vpr_ros.evaluation.summary import summary_notes, summary_tables
from vpr_ros.evaluation.verification import short_of_time
from vpr_ros.inference import model_identity, open_extractor
from vpr_ros.localization import Localizer, LocalizerConfig
from vpr_ros.localization.local_model import in_one_run_with, local_extractor_for, missing_local_model
from vpr_ros.localization.place_filter import FilterConfig, PlaceFilter
from vpr_ros.localization.rig import RigConfig
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.sources import SourceOptions, open_source

EXAMPLE = """  %(prog)s my_map second_drive.mcap --output results
  %(prog)s kitchen_map rgb/ --poses groundtruth_tum.txt --frames 300:600 --threshold 0.3,30 --output results
  %(prog)s corridor_map query/ --positives gt.csv --baselines --output results"""
LIBRARIES = ("numpy", "onnxruntime", "faiss-cpu", "opencv-python-headless", "scipy")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_evaluate, argv)


def build_parser() -> CommandParser:
    """The command line."""
    parser = CommandParser(
        "evaluate",
        "Localize every image of QUERIES in MAP and report recall, precision, pose error and latency.",
        EXAMPLE,
    )
    parser.add_argument("map", type=Path, metavar="MAP", help="map folder made by build_map")
    parser.add_argument("queries", type=Path, metavar="QUERIES", help="bag or image folder")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument("--model", type=Path, metavar="M.onnx", help="model of the map (default: the shipped vpr_nano)")
    parser.add_argument(
        "--local-model",
        type=Path,
        metavar="L.onnx",
        help="model of the map's local features (default: the map's model, where it gives them)",
    )
    parser.add_argument(
        "--off-map",
        type=Path,
        action="append",
        default=[],
        metavar="ELSEWHERE",
        help="bag or image folder of other places, to count how many of its images are accepted; may be given again",
    )
    parser.add_argument(
        "--sequence",
        action="store_true",
        help="the images are one drive in its order: answer with the filter that continuous mode has, and compare",
    )
    parser.add_argument(
        "--odometry",
        metavar="FILE|TOPIC",
        help="of the recording, for --sequence: a trajectory file or the Odometry topic of a bag; none: without "
        f"(default: {ODOMETRY_NAME} in or beside the recording, where there is one)",
    )
    add_option(parser, LocalizerConfig, "top_k", "N")
    add_option(parser, LocalizerConfig, "verify_candidates", "N")
    add_option(parser, LocalizerConfig, "verify_time_ms", "MS")
    add_option(parser, LocalizerConfig, "min_inliers", "N")
    add_option(parser, LocalizerConfig, "max_wrong_rate", "R")
    add_option(parser, LocalizerConfig, "max_wrong_rate_delta", "R")
    add_option(parser, LocalizerConfig, "min_probability", "P")
    add_option(parser, RigConfig, "max_stamp_difference_ms", "MS", "--rig-max-stamp-difference")
    add_option(parser, EvaluationOptions, "limit", "N")
    add_option(parser, EvaluationOptions, "baselines")
    add_option(parser, EvaluationOptions, "pictures", "N")
    add_option(parser, EvaluationOptions, "per_panorama")
    add_option(parser, EvaluationOptions, "truth_sigma_m", "M")
    add_option(parser, EvaluationOptions, "mirrored")
    add_rule_arguments(parser, f"{DEFAULT_RADIUS_M:g} m")
    add_source_arguments(parser)
    return parser


def add_rule_arguments(parser: CommandParser, default: str) -> None:
    """Add the options that say which map frames are correct; *default* is within what, where none is given."""
    rule = parser.add_argument_group(f"what counts as a correct match (default: within {default})")
    rule.add_argument(
        "--threshold", type=PoseThreshold.parse, metavar="M[,DEG]", help="within M metres and DEG degrees"
    )
    add_option(rule, GroundTruthRule, "frame_window", "N")
    add_option(rule, GroundTruthRule, "positives_csv", "CSV", "--positives")
    add_option(rule, GroundTruthRule, "ignore_uninformative")


def _evaluate(argv: Sequence[str]) -> None:
    arguments = build_parser().parse_args(argv)
    rule = config_from(GroundTruthRule, arguments, threshold=arguments.threshold)
    rig = config_from(RigConfig, arguments)
    frame_named = arguments.map_frame is not None
    options = config_from(EvaluationOptions, arguments, rule=rule, rig=rig, frame_named=frame_named)
    if arguments.odometry is not None and not arguments.sequence:
        raise ConfigError("--odometry is given without --sequence, which alone uses it", "Add --sequence")
    check_results_folder(arguments.output)
    place_map = PlaceMap.open(arguments.map)
    queries = open_recording(arguments.queries, arguments, require_poses=rule.needs_query_poses)
    elsewhere = [open_source(path, SourceOptions(require_poses=False)) for path in arguments.off_map]
    config = config_from(LocalizerConfig, arguments)
    if options.per_panorama:
        needed = Panoramas.of_names(place_map.frames.names).frames_to_retrieve()
        config = replace(config, top_k=max(config.top_k, needed))
    with_local = in_one_run_with(model_identity(arguments.model).local_sha256, place_map, config)
    extractor = open_extractor(arguments.model, with_local=with_local)
    local = local_extractor_for(place_map, config, extractor, arguments.local_model)
    followed = PlaceFilter.of_map(place_map, FilterConfig()) if arguments.sequence else None
    localizer = Localizer(extractor, place_map, config, local, place_map.local, followed)
    drive = Drive(localizer, _odometry(arguments)) if arguments.sequence else None
    with progress_bar("localizing") as progress:
        result = evaluate(localizer, place_map, queries, options, progress, elsewhere, drive)
    made_by = _made_by(argv, arguments, place_map, queries.description, extractor)
    if local is not None:
        made_by["local_model_sha256"] = local.sha256
    write_report(result, arguments.output, made_by)
    unused = missing_local_model(place_map, is_given=local is not None or not config.verify_candidates)
    hurried = short_of_time(result.metrics["verification"], config, len(place_map))
    for warning in (*map_warnings(place_map), *filter(None, [unused, hurried])):
        print(f"warning: {warning}", file=sys.stderr)
    _print(result.metrics, arguments.output)


def _odometry(arguments: argparse.Namespace) -> Mapping[Key, Pose]:
    """By stamp and camera; empty where there is none."""
    given = odometry_file(arguments.queries, arguments.odometry)
    return {} if given is None else recorded_odometry(arguments.queries, config_from(SourceOptions, arguments), given)


def _made_by(
    argv: Sequence[str], arguments: argparse.Namespace, place_map: PlaceMap, queries: str, extractor: Extractor
) -> dict[str, Any]:
    """What somebody needs to get the same figures again."""
    return {
        "command": f"vpr_ros evaluate {shlex.join(argv)}",
        "created_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "map": str(arguments.map),
        "map_created_utc": place_map.manifest.created_utc,
        "map_frames": len(place_map),
        "map_calibration": place_map.manifest.calibration.kind,
        "queries": queries,
        "off_map": [str(path) for path in arguments.off_map],
        "model": f"{extractor.info.name} {extractor.info.version} {extractor.info.precision}",
        "model_sha256": extractor.sha256,
        "provider": extractor.provider,
        "python": platform.python_version(),
        "versions": {"vpr_ros": __version__} | {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _print(metrics: Metrics, output: Path) -> None:
    console = stdout_console()
    for text_table in summary_tables(metrics):
        table = Table(title=text_table.title, title_justify="left", show_header=any(text_table.header))
        for number, name in enumerate(text_table.header):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in text_table.rows:
            table.add_row(*row)
        console.print(table)
    for note in summary_notes(metrics):
        console.print(f"{note}.", highlight=False, soft_wrap=True)
    console.print(f"report: {output / 'report.html'}", soft_wrap=True)


if __name__ == "__main__":
    raise SystemExit(main())
