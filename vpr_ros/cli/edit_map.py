# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``edit_map``: care of a finished map: fewer frames, two maps as one, stale sessions out, aligned with a grid."""

from __future__ import annotations

import argparse
import logging
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from vpr_ros.cli.map_words import grid_text, size_text
from vpr_ros.core.command import program, run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.printable import printable
from vpr_ros.mapping.care.align import MOST_RESIDUAL_M, aligned
from vpr_ros.mapping.care.edit import Edit, carry_out
from vpr_ros.mapping.care.merge import merged
from vpr_ros.mapping.care.new_map import NewMap
from vpr_ros.mapping.care.pose_pairs import PosePair, pair_of, read_pairs
from vpr_ros.mapping.care.prune import Pruned, pruned
from vpr_ros.mapping.care.selection import selected
from vpr_ros.mapping.care.sessions import session_number, without_sessions, without_stale
from vpr_ros.mapping.upkeep import align
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.grid_alignment import GridAlignment
from vpr_ros.maps.place_map import PlaceMap


class Action(NamedTuple):
    """One of the things that can be done to a map: what it does, its example, its arguments, and the doing."""

    summary: str
    example: str
    add_arguments: Callable[[CommandParser], None]
    run: Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_edit, argv)


def build_parser(name: str = "") -> CommandParser:
    """The command line of the action *name*; without one what there is to choose from."""
    if name:
        action = ACTIONS[name]
        parser = CommandParser(f"edit_map {name}", action.summary, action.example)
        action.add_arguments(parser)
        return parser
    listed = "\n".join(f"  {known:8s} {action.summary}" for known, action in ACTIONS.items())
    example = "\n".join(
        action.example.splitlines()[0].replace("%(prog)s", f"%(prog)s {known}") for known, action in ACTIONS.items()
    )
    parser = CommandParser("edit_map", f"Care of a finished map. ACTION is one of\n{listed}", example)
    parser.add_argument("action", metavar="ACTION", choices=tuple(ACTIONS), help="each has its own --help")
    return parser


def _edit(argv: Sequence[str]) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    name = build_parser().parse_args(argv[:1]).action
    ACTIONS[name].run(build_parser(name).parse_args(argv[1:]))


def _add_map(parser: CommandParser) -> None:
    parser.add_argument("map", type=Path, metavar="MAP", help="map folder made by build_map")


def _add_output(parser: CommandParser) -> None:
    parser.add_argument("--output", type=Path, required=True, metavar="NEW", help="folder of the new map; may be MAP")
    parser.add_argument("--overwrite", action="store_true", help="replace the map that stands at NEW, in one step")


def _carry_out(
    name: str,
    arguments: argparse.Namespace,
    maps: Sequence[Path],
    options: Mapping[str, object],
    make: Callable[[Sequence[PlaceMap]], NewMap],
) -> None:
    before: list[str] = []

    def told(opened: Sequence[PlaceMap]) -> NewMap:
        before.extend(f"{size_text(place_map)}, {printable(str(place_map.path))}" for place_map in opened)
        for place_map in opened:
            if place_map.manifest.format_version != FORMAT_VERSION:
                print(f"{place_map.path} has format {place_map.manifest.format_version}; the new map {FORMAT_VERSION}")
        return make(opened)

    edit = Edit(name, tuple(maps), arguments.output, arguments.overwrite, options)
    made = carry_out(edit, told)
    path = printable(str(arguments.output))
    if made is None:
        print(f"{path}: an interrupted run of this command had done it already: nothing left to do")
        return
    for line in before:
        print(f"before: {line}")
    print(f"after: {size_text(made)}, {path}")
    calibration = made.manifest.calibration
    print(f"one place within {calibration.radius_m:.2f} m; calibration {calibration.kind}, {_reason(name, made)}")


def _reason(name: str, made: PlaceMap) -> str:
    if made.manifest.calibration.kind == "default":
        return "for the map is too small to calibrate itself"
    if name == "merge":
        return "the more cautious one of the two maps where they had one, else fitted to the new map's sessions"
    return "carried over: it was fitted in another light on images that are not at hand; pose errors were fitted anew"


# --- prune --------------------------------------------------------------------------------------------------------


def _prune_arguments(parser: CommandParser) -> None:
    _add_map(parser)
    _add_output(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--keep-recall",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="of the map's own questions that it answers right, this share stays so (1: no measured loss)",
    )
    how.add_argument("--target-frames", type=int, metavar="N", help="keep N frames, whatever it costs")


def _prune(arguments: argparse.Namespace) -> None:
    share, target = arguments.keep_recall, arguments.target_frames
    if not 0.0 < share <= 1.0:
        raise ConfigError(f"--keep-recall is {share}, expected above 0 and at most 1", "Give a share such as 0.99")
    if target is not None and target < 1:
        raise ConfigError(f"--target-frames is {target}, expected 1 or more", "Give how many frames to keep")
    done: list[Pruned] = []

    def make(maps: Sequence[PlaceMap]) -> NewMap:
        done.append(pruned(maps[0], share, target))
        return selected(maps[0], done[0].rows)

    _carry_out("prune", arguments, [arguments.map], {"keep_recall": share, "target_frames": target}, make)
    for found in done:
        print(f"{found.questions} of its own frames, asked without their neighbours:")
        for told, (count, left) in (("right", found.right), ("and likely so", found.likely)):
            before, after = 100 * count / found.questions, 100 * left / found.questions
            print(f"answered {told}: {before:.1f} % before ({count}), {after:.1f} % after ({left})")
        print(f"next: check it with a second drive: `{program('evaluate')} {shlex.quote(str(arguments.output))} DRIVE`")


# --- merge --------------------------------------------------------------------------------------------------------


def _merge_arguments(parser: CommandParser) -> None:
    _add_map(parser)
    parser.add_argument("other", type=Path, metavar="OTHER", help="another map of the same frame and model")
    _add_output(parser)
    parser.add_argument("--map-frame", metavar="FRAME", help="both are in this frame, whatever their own are called")
    parser.add_argument(
        "--trust-poses", action="store_true", help="places that look alike and lie apart in the maps are two places"
    )


def _merge(arguments: argparse.Namespace) -> None:
    options = {"map_frame": arguments.map_frame, "trust_poses": arguments.trust_poses}

    def make(maps: Sequence[PlaceMap]) -> NewMap:
        return merged(maps, arguments.map_frame, trust_poses=arguments.trust_poses)

    _carry_out("merge", arguments, [arguments.map, arguments.other], options, make)


# --- drop, replace ------------------------------------------------------------------------------------------------


def _drop_arguments(parser: CommandParser) -> None:
    _add_map(parser)
    parser.add_argument(
        "sessions", nargs="+", metavar="SESSION", help="number, or part of the source, as inspect_map shows them"
    )
    _add_output(parser)


def _drop(arguments: argparse.Namespace) -> None:
    def make(maps: Sequence[PlaceMap]) -> NewMap:
        numbers = [session_number(maps[0], named) for named in arguments.sessions]
        for number in sorted(set(numbers)):
            session = maps[0].manifest.sessions[number]
            print(f"goes: session {number}, {session.frames} frames of {printable(session.source)}")
        return selected(maps[0], without_sessions(maps[0], numbers))

    _carry_out("drop", arguments, [arguments.map], {"sessions": arguments.sessions}, make)


def _replace_arguments(parser: CommandParser) -> None:
    _add_map(parser)
    _add_output(parser)
    parser.add_argument("--by", metavar="SESSION", help="number or part of the source of the newer one (the last)")
    parser.add_argument("--within", type=float, metavar="M", help="how near is shown again (the map's place radius)")


def _replace(arguments: argparse.Namespace) -> None:
    if arguments.within is not None and not 0.0 < arguments.within < math.inf:
        raise ConfigError(f"--within is {arguments.within}, expected metres above 0", "Give a distance")

    def make(maps: Sequence[PlaceMap]) -> NewMap:
        manifest = maps[0].manifest
        newer = len(manifest.sessions) - 1 if arguments.by is None else session_number(maps[0], arguments.by)
        within_m = arguments.within or manifest.calibration.radius_m
        kept = without_stale(maps[0], newer, within_m)
        if len(kept) == len(maps[0]):
            raise MapError(
                f"session {newer} of map {maps[0].path} shows no frame of an earlier one again within {within_m:.2f} m",
                "There is nothing to replace; --within takes in more, `edit_map drop` a whole session",
            )
        print(f"go: {len(maps[0]) - len(kept)} frames that session {newer} shows again within {within_m:.2f} m")
        return selected(maps[0], kept)

    _carry_out("replace", arguments, [arguments.map], {"by": arguments.by, "within": arguments.within}, make)


# --- align --------------------------------------------------------------------------------------------------------


def _align_arguments(parser: CommandParser) -> None:
    _add_map(parser)
    parser.add_argument(
        "--pair",
        nargs=6,
        type=float,
        action="append",
        default=[],
        metavar=("GX", "GY", "GYAW", "MX", "MY", "MYAW"),
        help="one place in the grid and in the map, metres and degrees; two or more",
    )
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="pairs as CSV or YAML, see docs/map_care.md")
    parser.add_argument("--grid-frame", default="grid", metavar="FRAME", help="frame of the grid (%(default)s)")
    parser.add_argument(
        "--max-residual",
        type=float,
        default=MOST_RESIDUAL_M,
        metavar="M",
        help="more left of a pair is refused (%(default)s)",
    )
    parser.add_argument("--remove", action="store_true", help="forget how the map lies in a grid")


def _align(arguments: argparse.Namespace) -> None:
    if arguments.remove:
        align(arguments.map, None)
        print(f"{printable(str(arguments.map))}: T_grid_map is forgotten")
        return
    if not 0.0 < arguments.max_residual < math.inf:
        raise ConfigError(f"--max-residual is {arguments.max_residual}, expected metres above 0", "Give a distance")
    pairs = [pair_of(typed[:3], typed[3:], f"--pair {number}") for number, typed in enumerate(arguments.pair, start=1)]
    pairs += read_pairs(arguments.pairs) if arguments.pairs is not None else []
    found = aligned(pairs, arguments.max_residual)
    grid = GridAlignment(arguments.grid_frame, found.T_grid_map, len(pairs), found.residual_m)
    _check_frame(arguments.grid_frame, PlaceMap.open(arguments.map))
    align(arguments.map, grid)
    for number, (apart_m, turned_rad) in enumerate(zip(found.apart_m, found.turned_rad, strict=True), start=1):
        turned = "" if math.isnan(turned_rad) else f", {math.degrees(turned_rad):.2f} degrees"
        print(f"pair {number}: {apart_m:.3f} m{turned} left")
    print(f"{printable(str(arguments.map))}: {grid_text(grid)}{_in_the_plane(pairs)}")
    print("a node that has the map open publishes it on /tf_static once its parameter map is set anew")


def _in_the_plane(pairs: Sequence[PosePair]) -> str:
    return "; height and tilt of both frames are taken for the same" if pairs[0].is_planar else ""


def _check_frame(name: str, place_map: PlaceMap) -> None:
    if not name.strip() or not name.isprintable():
        raise ConfigError(f"--grid-frame is {name!r}, expected the name of a frame", "Give the grid's frame")
    if name.lstrip("/") == place_map.manifest.frame_id.lstrip("/"):
        logging.getLogger(__name__).warning(
            "warning: the map's own frame is called %r as the grid's: give the node another map_frame, for example "
            "vpr_map, or it cannot publish the one in the other",
            place_map.manifest.frame_id,
        )


ACTIONS: Final = {
    "prune": Action(
        "Drop the frames of MAP whose loss costs it no recall.",
        "  %(prog)s MAP --output SMALLER\n  %(prog)s MAP --output MAP --overwrite --target-frames 500",
        _prune_arguments,
        _prune,
    ),
    "merge": Action(
        "Make one map of MAP and OTHER, which are in one frame.",
        "  %(prog)s MAP OTHER --output BOTH",
        _merge_arguments,
        _merge,
    ),
    "drop": Action(
        "Take whole sessions out of MAP.",
        "  %(prog)s MAP 0 --output MAP --overwrite",
        _drop_arguments,
        _drop,
    ),
    "replace": Action(
        "Take out of MAP what its newest session shows again.",
        "  %(prog)s MAP --output MAP --overwrite",
        _replace_arguments,
        _replace,
    ),
    "align": Action(
        "Say where MAP lies in an occupancy grid or another SLAM's map, by pairs of poses.",
        "  %(prog)s MAP --pair 2.0 1.0 90 0.0 0.0 0 --pair 2.0 9.0 90 8.0 0.0 0 --grid-frame map",
        _align_arguments,
        _align,
    ),
}


if __name__ == "__main__":
    raise SystemExit(main())
