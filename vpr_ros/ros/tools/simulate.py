# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``simulate``: drives through a simulated town and publishes what the robot sees, or records it without ROS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.command import load, run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import Frame
from vpr_ros.ros.tools.beginning import add_beginning
from vpr_ros.simulation.conditions import CONDITIONS
from vpr_ros.simulation.drive import DrivePlan
from vpr_ros.simulation.drive import StampedPose as DrivenPose
from vpr_ros.simulation.record import record_folder, write_odometry
from vpr_ros.simulation.rig import MOUNTS, SimulatedRig
from vpr_ros.simulation.source import SimulatedSource
from vpr_ros.simulation.town import Town
from vpr_ros.sources.bag_writer import BagLayout, StampedPose, write_bag

EXAMPLE = """  %(prog)s --seed 1 --conditions night
  %(prog)s --seed 1 --conditions day --record day_drive --storage mcap
  %(prog)s --seed 1 --cameras front,rear --record both_ways
  %(prog)s --seed 1 --drive-seed 1 --kidnap 2 --detour-m 250 --twin-streets --record hard --storage folder"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_simulate, sys.argv[1:] if argv is None else argv)


def build_parser() -> CommandParser:
    """The command line without ROS's own arguments."""
    defaults = DrivePlan()
    parser = CommandParser("simulate", __doc__ or "", EXAMPLE)
    parser.add_argument("--seed", type=int, default=1, help="which town (%(default)s)")
    parser.add_argument("--conditions", choices=sorted(CONDITIONS), default="day", help="hour, season (%(default)s)")
    parser.add_argument("--drive-seed", type=int, default=0, help="wander, traffic and sensor noise of this drive")
    parser.add_argument("--route-seed", type=int, default=defaults.route_seed, help="which way through the streets")
    parser.add_argument("--lateral-offset-m", type=float, default=0.0, help="metres to the left of the lane's middle")
    parser.add_argument("--reverse", action="store_true", help="the same way in the other direction")
    parser.add_argument("--speed-mps", type=float, default=defaults.speed_mps, help="metres per second (%(default)s)")
    parser.add_argument("--rate-hz", type=float, default=defaults.rate_hz, help="images per second (%(default)s)")
    parser.add_argument("--distance-m", type=float, help="how far to drive (default: once around)")
    parser.add_argument("--kidnap", type=int, default=0, metavar="N", help="be carried elsewhere so often, unnoticed")
    parser.add_argument(
        "--detour-m", type=float, default=0.0, metavar="M", help="leave the map for about M metres (240 at least)"
    )
    parser.add_argument("--twin-streets", action="store_true", help="two streets of the town have the same facades")
    parser.add_argument(
        "--position-sigma",
        type=float,
        default=0.0,
        metavar="M",
        help="standard deviation of recorded positions along x and y, wandering as a GPS receiver's (%(default)s)",
    )
    parser.add_argument("--width-px", type=int, default=640)
    parser.add_argument("--height-px", type=int, default=480)
    parser.add_argument(
        "--cameras",
        metavar="NAME,NAME",
        help=f"record several cameras of the robot in one bag, of {', '.join(MOUNTS)} (default: one, in front)",
    )
    add_beginning(parser)
    parser.add_argument("--record", type=Path, metavar="PATH", help="write a recording instead of publishing; no ROS")
    parser.add_argument("--storage", choices=("mcap", "sqlite3", "folder"), default="mcap", help="of the recording")
    parser.add_argument(
        "--labels", action="store_true", help="in a folder, also what each pixel shows: labels/STAMP_NS.png"
    )
    return parser


def _simulate(argv: Sequence[str]) -> None:
    options = build_parser().parse_args(_own_arguments(argv))
    if options.labels and (options.record is None or options.storage != "folder"):
        raise ConfigError("--labels writes beside recorded images", "Add --record PATH --storage folder")
    source = simulated_source(options)
    if options.cameras is not None:
        _record_rig(SimulatedRig(source, options.cameras.split(",")), source.poses, options)
        return
    if options.record is not None:
        _record(source, options.record, options.storage, options.labels)
        print(f"recorded {source.description} in {options.record}")
        return
    # Late, because recording must work where ROS is not installed.
    count = load("vpr_ros.ros.tools.simulate_publisher").publish(source, argv, options)
    print(f"published {count} images of {source.description}")


def simulated_source(options: argparse.Namespace) -> SimulatedSource:
    """The drive that the parsed options describe."""
    seed = options.drive_seed
    plan = DrivePlan(
        route_seed=options.route_seed,
        speed_mps=options.speed_mps,
        rate_hz=options.rate_hz,
        lateral_offset_m=options.lateral_offset_m,
        reverse=options.reverse,
        jitter_seed=seed,
        distance_m=options.distance_m,
        kidnaps=options.kidnap,
        detour_m=options.detour_m,
    )
    conditions = replace(CONDITIONS[options.conditions], traffic_seed=seed, weather_seed=seed)
    camera = CameraIntrinsics.from_fov(options.width_px, options.height_px)
    town, sigma_m = Town(options.seed, twin_streets=options.twin_streets), options.position_sigma
    return SimulatedSource(town, plan, camera, conditions, seed, position_sigma_m=sigma_m)


def _record_rig(rig: SimulatedRig, poses: Sequence[DrivenPose], options: argparse.Namespace) -> None:
    if options.record is None or options.storage == "folder":
        raise ConfigError("--cameras records several cameras in a bag", "Add --record PATH, with --storage mcap")
    layout = BagLayout(storage=options.storage, mounts=rig.cameras)
    frames = (Frame(r.load_image(), r.stamp_ns, r.camera, r.name, r.T_map_base) for r in rig)
    write_bag(options.record, frames, [StampedPose(stamp_ns, pose) for stamp_ns, pose in poses], layout)
    print(f"recorded {rig.description} in {options.record}")


def _record(source: SimulatedSource, path: Path, storage: str, labels: bool) -> None:
    if path.exists():
        raise ConfigError(f"{path} exists already", "Choose another place or remove it")
    if storage == "folder":
        record_folder(source, path, labels=labels)
        return
    layout = BagLayout(
        storage="sqlite3" if storage == "sqlite3" else "mcap",
        mounts=source.cameras,
    )
    frames = (Frame(r.load_image(), r.stamp_ns, r.camera, r.name, r.T_map_base) for r in source)
    write_bag(path, frames, layout=layout)
    write_odometry(source, path)


def _own_arguments(argv: Sequence[str]) -> list[str]:
    """What stands before ``--ros-args``; rclpy, which knows better, may not be installed."""
    arguments = list(argv)
    return arguments[: arguments.index("--ros-args")] if "--ros-args" in arguments else arguments


if __name__ == "__main__":
    sys.exit(main())
