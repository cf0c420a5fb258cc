# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``calibrate``: a second drive with poses says how far a map's answers can be trusted, and what it can promise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from vpr_ros.cli.evaluate import add_rule_arguments
from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.source_arguments import add_source_arguments, open_recording
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.evaluation.calibrate import (
    AskedDrive,
    CalibrateOptions,
    add_drive,
    ask_drive,
    check_new,
    remove_drive,
    uncalibrated,
)
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.evaluation.summary import TextTable
from vpr_ros.evaluation.trust_tables import promise_table, raised_note, restated_table
from vpr_ros.inference import model_identity, open_extractor
from vpr_ros.localization import Localizer
from vpr_ros.localization.local_model import in_one_run_with, local_extractor_for, missing_local_model
from vpr_ros.mapping.held_out import UNHURRIED
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.manifest import MapManifest

EXAMPLE = """  %(prog)s my_map second_drive.mcap
  %(prog)s my_map night/ --poses night.txt --name "night of May 3" --condition night
  %(prog)s my_map --remove "night of May 3\""""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_calibrate, argv)


def build_parser() -> CommandParser:
    """The command line."""
    parser = CommandParser(
        "calibrate",
        "Ask MAP about QUERIES, a second drive through it whose poses are known, and keep in the map what its answers "
        "are worth: another light, another day.",
        EXAMPLE,
    )
    parser.add_argument("map", type=Path, metavar="MAP", help="map folder made by build_map")
    parser.add_argument("queries", type=Path, nargs="?", metavar="QUERIES", help="bag or image folder")
    parser.add_argument("--remove", metavar="NAME", help="take the drive NAME out of the map, and ask nothing")
    parser.add_argument("--model", type=Path, metavar="M.onnx", help="model of the map (default: the shipped vpr_nano)")
    parser.add_argument(
        "--local-model",
        type=Path,
        metavar="L.onnx",
        help="model of the map's local features (default: the map's model, where it gives them)",
    )
    add_option(parser, CalibrateOptions, "name", "NAME")
    add_option(parser, CalibrateOptions, "condition", "NAME")
    add_option(parser, CalibrateOptions, "limit", "N")
    add_rule_arguments(parser, "the map's own radius")
    add_source_arguments(parser)
    return parser


def _calibrate(argv: Sequence[str]) -> None:
    arguments = build_parser().parse_args(argv)
    if (arguments.remove is None) == (arguments.queries is None):
        raise ConfigError("either QUERIES or --remove NAME is needed", "Give one of the two")
    place_map = PlaceMap.open(arguments.map)
    if arguments.remove is not None:
        manifest = remove_drive(arguments.map, arguments.remove)
        print(f"{arguments.map}: {arguments.remove!r} is out, {len(manifest.drives)} drives are left")
    else:
        asked = _asked(arguments, place_map)
        manifest = add_drive(arguments.map, asked.drive, place_map.manifest)
        _print_asked(asked)
    _print_kept(manifest)


def _asked(arguments: argparse.Namespace, place_map: PlaceMap) -> AskedDrive:
    default = PoseThreshold(place_map.manifest.calibration.radius_m)
    given = arguments.frame_window is not None or arguments.positives_csv is not None
    threshold = arguments.threshold or (None if given else default)
    rule = config_from(GroundTruthRule, arguments, threshold=threshold)
    name = arguments.name or arguments.queries.resolve().name
    options = config_from(
        CalibrateOptions, arguments, rule=rule, name=name, frame_named=arguments.map_frame is not None
    )
    check_new(arguments.map, options.name)
    queries = open_recording(arguments.queries, arguments, require_poses=rule.needs_query_poses)
    bare, config = uncalibrated(place_map), UNHURRIED
    with_local = in_one_run_with(model_identity(arguments.model).local_sha256, bare, config)
    extractor = open_extractor(arguments.model, with_local=with_local)
    local = local_extractor_for(bare, config, extractor, arguments.local_model)
    if unused := missing_local_model(bare, is_given=local is not None):
        raise ConfigError(unused, "Give it with --local-model: the robot compares keypoints, and so must this")
    with progress_bar("localizing") as progress:
        return ask_drive(Localizer(extractor, bare, config, local, bare.local), queries, options, progress)


def _print_asked(asked: AskedDrive) -> None:
    answers, near = asked.drive.answers, asked.drive.near_misses
    print(
        f"{asked.drive.name}: {answers.answers} answers, {answers.answers - answers.wrong_answers - near} right, "
        f"{near} near misses, {answers.wrong_answers} in a wrong place"
    )
    if asked.own_images:
        print(f"warning: {asked.own_images} images are the very images of the map, and left out", file=sys.stderr)
    if asked.copies:
        print(f"warning: {asked.copies} images are copies of others of the drive, which count once", file=sys.stderr)


def _print_kept(manifest: MapManifest) -> None:
    for table in (restated_table(manifest), promise_table(manifest)):
        _print(table)
    if note := raised_note(manifest.promise):
        print(f"note: {note}.")


def _print(text_table: TextTable) -> None:
    if not text_table.rows:
        return
    table = Table(title=text_table.title, title_justify="left", show_header=any(text_table.header))
    for number, name in enumerate(text_table.header):
        table.add_column(name, justify="left" if number == 0 else "right")
    for row in text_table.rows:
        table.add_row(*row)
    stdout_console().print(table)


if __name__ == "__main__":
    raise SystemExit(main())
