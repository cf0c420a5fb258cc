# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A robot in a simulated town: records a drive by day, builds a map of it, then drives at dusk and localizes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    GroupAction,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackagePrefix

LOCALIZE = Path(__file__).resolve().with_name("localize.launch.py")
# The kernel ends the processes however launch ends: see localize.launch.py.
END_WITH_LAUNCH = "setpriv --pdeathsig TERM" if shutil.which("setpriv") else ""


def generate_launch_description() -> LaunchDescription:
    """A group of its own: none of its arguments is left behind in a launch file that includes this one."""
    return LaunchDescription([GroupAction([*_arguments(), OpaqueFunction(function=_demo)])])


def _arguments() -> list[DeclareLaunchArgument]:
    return [
        DeclareLaunchArgument(
            "folder",
            default_value=str(Path.home() / ".ros" / "vpr_ros_demo"),
            description="Where the recorded drive and the map go; a map found there is used again",
        ),
        DeclareLaunchArgument("seed", default_value="1", description="Seed of the town"),
        DeclareLaunchArgument(
            "conditions", default_value="dusk", description="Hour, season and weather of the second drive"
        ),
        DeclareLaunchArgument(
            "lateral_offset_m", default_value="0.8", description="How far to the left of the first drive, metres"
        ),
        DeclareLaunchArgument("distance_m", default_value="240.0", description="Length of both drives, metres"),
        DeclareLaunchArgument("rate_hz", default_value="5.0", description="Images per second"),
        DeclareLaunchArgument(
            "rviz",
            default_value="true",
            choices=["true", "false"],
            description="Open RViz too, where rviz2 is installed",
        ),
    ]


def _demo(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Build the map first unless it is there."""
    given = {argument.name: str(LaunchConfiguration(argument.name).perform(context)) for argument in _arguments()}
    folder = Path(given["folder"]).expanduser()
    drive, place_map = folder / f"day_{given['seed']}", folder / f"map_{given['seed']}"
    robot = _robot_in(place_map, given)
    if (place_map / "manifest.yaml").is_file():
        return robot
    build = ExecuteProcess(
        name="build_map",
        cmd=[_executable("build_map"), str(drive), "--min-distance", "1.0", "--output", str(place_map)],
        prefix=END_WITH_LAUNCH,
        output="screen",
    )
    then_robot = RegisterEventHandler(OnProcessExit(target_action=build, on_exit=_if_it_worked("build_map", robot)))
    if drive.exists():
        return [then_robot, build]
    record = ExecuteProcess(
        name="record",
        cmd=[_executable("simulate"), *_drive_arguments(given), "--conditions", "day", "--record", str(drive)],
        prefix=END_WITH_LAUNCH,
        output="screen",
    )
    then_build = RegisterEventHandler(OnProcessExit(target_action=record, on_exit=_if_it_worked("simulate", [build])))
    return [LogInfo(msg="recording a drive by day, then building a map of it"), then_robot, then_build, record]


def _robot_in(place_map: Path, given: dict[str, str]) -> list[LaunchDescriptionEntity]:
    localize = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LOCALIZE)),
        launch_arguments={"map": str(place_map), "rviz": given["rviz"]}.items(),
    )
    robot = Node(
        package="vpr_ros",
        executable="simulate",
        exec_name="simulate",
        arguments=[
            *_drive_arguments(given),
            "--conditions", given["conditions"],
            "--lateral-offset-m", given["lateral_offset_m"],
            "--drive-seed", "2", "--wait-for-subscriber",
        ],
        prefix=END_WITH_LAUNCH,
        output="screen",
    )  # fmt: skip
    stop = RegisterEventHandler(OnProcessExit(target_action=robot, on_exit=_if_it_worked("simulate", [])))
    return [GroupAction([localize]), stop, robot]


def _drive_arguments(given: dict[str, str]) -> list[str]:
    names = {"--seed": "seed", "--distance-m": "distance_m", "--rate-hz": "rate_hz"}
    return [item for option, name in names.items() for item in (option, given[name])]


def _executable(name: str) -> list[object]:
    return [FindPackagePrefix("vpr_ros"), f"/lib/vpr_ros/{name}"]


def _if_it_worked(
    name: str, actions: list[LaunchDescriptionEntity]
) -> Callable[[ProcessExited, LaunchContext], list[LaunchDescriptionEntity]]:
    """Go on with *actions*, or end the demo where the process before failed."""

    def on_exit(event: ProcessExited, _: LaunchContext) -> list[LaunchDescriptionEntity]:
        if event.returncode == 0:
            return actions
        return [EmitEvent(event=Shutdown(reason=f"{name} ended with {event.returncode}"))]

    return on_exit
