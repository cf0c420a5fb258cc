# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Localize a camera in a map: ``ros2 launch vpr_ros localize.launch.py map:=MAP image:=/camera/image_raw``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import launch.logging
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    OpaqueFunction,
    SetEnvironmentVariable,
    SetLaunchConfiguration,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from vpr_ros.core.errors import ConfigError, VprError
from vpr_ros.ros.localizer.parameter_file import read_parameter_file

CONFIG = Path(__file__).resolve().parents[1] / "config"
NODE = "vpr_localizer"
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
# glibc gives every large image back to the kernel and asks for it again; keeping the memory halves the time to receive.
MALLOC_VARIABLES = {
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "536870912",
    "MALLOC_TOP_PAD_": "67108864",
}
RVIZ_CONFIG = CONFIG / "vpr.rviz"
FILES = ("map", "model", "local_model")
RVIZ_TOPICS = ("map", "markers", "pose", "candidates", "matches", "match_image")
# Launch forgets its processes when it is killed, and when an action after theirs fails: the kernel does not.
END_WITH_LAUNCH = "setpriv --pdeathsig TERM "


def generate_launch_description() -> LaunchDescription:
    """A group of its own: none of its arguments is left behind in a launch file that includes this one."""
    return LaunchDescription([GroupAction([*_arguments(), OpaqueFunction(function=_start)])])


def _arguments() -> list[DeclareLaunchArgument]:
    boolean = ["true", "false"]
    return [
        DeclareLaunchArgument("map", default_value="", description="Folder of the map, as build_map wrote it"),
        DeclareLaunchArgument(
            "model", default_value="", description="ONNX model that made the map; empty: the shipped vpr_nano"
        ),
        DeclareLaunchArgument(
            "local_model",
            default_value="",
            description="ONNX model that found the map's local features; empty: the model above, where it finds some",
        ),
        DeclareLaunchArgument(
            "image",
            default_value="image",
            description="Raw image topic of the camera; compressed images are read from <image>/compressed",
        ),
        DeclareLaunchArgument(
            "odom",
            default_value="odom",
            description="Odometry that the filter moves its belief by; odom: taken from TF",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=str(CONFIG / "localize.yaml"),
            description="Parameters of the node; the arguments given here win over the file. Empty: none",
        ),
        DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node"),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="false",
            choices=boolean,
            description="Take the time from /clock, for simulators and for bags played with --clock",
        ),
        DeclareLaunchArgument(
            "autostart",
            default_value="true",
            choices=boolean,
            description="Configure and activate the node at once; false leaves that to a lifecycle manager",
        ),
        DeclareLaunchArgument(
            "rviz", default_value="false", choices=boolean, description="Open RViz too, where rviz2 is installed"
        ),
        DeclareLaunchArgument("rviz_config", default_value=str(RVIZ_CONFIG), description="What RViz shows"),
        DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn, error or fatal"),
        DeclareLaunchArgument(
            "dds_profile",
            default_value=str(CONFIG / "fastdds_large_images.xml"),
            description="Fast DDS profile, used unless one is set in the environment; none: leave Fast DDS alone",
        ),
    ]


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the localizer, and RViz if it is wanted; whatever can be wrong with the arguments is found before."""
    given = {argument.name: str(LaunchConfiguration(argument.name).perform(context)) for argument in _arguments()}
    namespace = _full_namespace(context, given["namespace"])
    log_level = given["log_level"].lower()
    if log_level not in LOG_LEVELS:
        raise ConfigError(f"log_level is {log_level!r}", f"Choose one of {', '.join(LOG_LEVELS)}")
    params_file = _expanded(given["params_file"])
    in_file = _parameters_in(params_file, f"{namespace}/{NODE}") if params_file else {}
    localizer = Node(
        package="vpr_ros",
        executable="localize",
        exec_name="localize",
        name=NODE,
        namespace=namespace or "/",
        parameters=_parameters(given, params_file),
        remappings=[("image", given["image"]), ("odom", given["odom"])],
        ros_arguments=["--log-level", f"{'.'.join([*namespace.split('/')[1:], NODE])}:={log_level}"],
        output="screen",
    )
    rviz = _rviz(given, namespace, in_file) if given["rviz"] == "true" else []
    return [*_environment(given["dds_profile"]), *_end_with_launch(), localizer, *rviz]


def _full_namespace(context: LaunchContext, namespace: str) -> str:
    """The namespace as launch makes it, below one that an including launch file pushed; empty for the root."""
    pushed = context.launch_configurations.get("ros_namespace")
    return str(make_namespace_absolute(prefix_namespace(pushed, namespace)) or "").rstrip("/")


def _expanded(path: str) -> str:
    try:
        return str(Path(path).expanduser()) if path else ""
    except RuntimeError:  # the home of a user that does not exist: whoever opens the path says so
        return path


def _parameters_in(params_file: str, node: str) -> dict[str, object]:
    parameters = read_parameter_file(Path(params_file), node)
    if parameters is None:
        _warn(f"params_file {params_file} has no parameters for {node}, so none of it is used: name a section {node}")
    return parameters or {}


def _parameters(given: dict[str, str], params_file: str) -> list[object]:
    """Arguments that were left empty stay out of the parameters."""
    parameters: list[object] = [params_file] if params_file else []
    parameters += [{name: ParameterValue(given[name], value_type=str)} for name in FILES if given[name]]
    parameters += [{"use_sim_time": True}] if given["use_sim_time"] == "true" else []
    parameters += [{"autostart": False}] if given["autostart"] == "false" else []
    return parameters


def _environment(profile: str) -> list[LaunchDescriptionEntity]:
    """Set what large images need, and nothing that the user has set."""
    actions: list[LaunchDescriptionEntity] = [
        SetEnvironmentVariable(name, value) for name, value in MALLOC_VARIABLES.items() if name not in os.environ
    ]
    if profile == "none" or any(os.environ.get(name) for name in PROFILE_VARIABLES):
        return actions
    if not Path(profile).is_file():
        _warn(f"no DDS profile at {profile}: large images may be lost. Give dds_profile:=none or the path of a profile")
        return actions
    return actions + [SetEnvironmentVariable(name, profile) for name in PROFILE_VARIABLES]


def _end_with_launch() -> list[LaunchDescriptionEntity]:
    """Let the kernel end what was started however launch ends; the user's own `--launch-prefix` follows."""
    if shutil.which("setpriv") is None:
        return []
    return [
        SetLaunchConfiguration("launch-prefix", [END_WITH_LAUNCH, LaunchConfiguration("launch-prefix", default="")])
    ]


def _rviz(given: dict[str, str], namespace: str, in_file: dict[str, object]) -> list[LaunchDescriptionEntity]:
    if not _installed("rviz2"):
        _warn("rviz2 is not installed: going on without it. Install ros-$ROS_DISTRO-rviz2, or give rviz:=false")
        return []
    config = _expanded(given["rviz_config"])
    if not Path(config).is_file():
        raise ConfigError(f"rviz_config {config} is not a file", "Give the path of an RViz configuration")
    remapped = ["initialpose", *(f"{NODE}/{topic}" for topic in RVIZ_TOPICS)]
    frame = []
    if config == str(RVIZ_CONFIG):
        config = _on_the_map(_expanded(given["map"] or str(in_file.get("map", ""))), namespace)
        frame = ["--fixed-frame", str(in_file["map_frame"])] if in_file.get("map_frame") else []
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            exec_name="rviz2",
            name="rviz2",
            arguments=["-d", config, *frame],
            parameters=[{"use_sim_time": given["use_sim_time"] == "true"}],
            remappings=[(f"/{topic}", f"{namespace}/{topic}") for topic in remapped] if namespace else [],
            output="log",
        )
    ]


def _on_the_map(place_map: str, namespace: str) -> str:
    """Write what RViz shows for this map: its frame, which RViz needs where there is no TF, and all of it in view."""
    if not place_map:
        return str(RVIZ_CONFIG)
    try:
        from vpr_ros.ros.localizer.rviz_on_map import rviz_config_for  # noqa: PLC0415  # a second or two, for RViz alone

        text = rviz_config_for(RVIZ_CONFIG, Path(place_map))
        path = Path(launch.logging.launch_config.get_log_file_path(f"vpr{namespace.replace('/', '_')}.rviz"))
        path.write_text(text, encoding="utf-8")
    except (VprError, ImportError, OSError) as error:
        _warn(f"RViz does not open on the map: {error}")
        return str(RVIZ_CONFIG)
    return str(path)


def _installed(package: str) -> bool:
    try:
        return (Path(get_package_prefix(package)) / "lib" / package / package).exists()
    except PackageNotFoundError:
        return False


def _warn(message: str) -> None:
    launch.logging.get_logger("localize.launch.py").warning(message)
