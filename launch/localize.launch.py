"""Localize a camera in a map: ``ros2 launch vpr_ros localize.launch.py map:=MAP image:=/camera/image_raw``."""

from __future__ import annotations

import os
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from vpr_ros.core.errors import VprError
from vpr_ros.core.files import read_yaml

CONFIG = Path(__file__).resolve().parents[1] / "config"
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
# glibc gives every large image back to the kernel and asks for it again; keeping the memory halves the time to receive.
MALLOC_VARIABLES = {
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "536870912",
    "MALLOC_TOP_PAD_": "67108864",
}
RVIZ_CONFIG = CONFIG / "vpr.rviz"
RVIZ_TOPICS = ("map", "markers", "pose", "candidates", "matches", "match_image")


def generate_launch_description() -> LaunchDescription:
    boolean = ["true", "false"]
    return LaunchDescription(
        [
            DeclareLaunchArgument("map", default_value="", description="Folder of the map, as build_map wrote it"),
            DeclareLaunchArgument(
                "model", default_value="", description="ONNX model that made the map; empty: the shipped vpr_nano"
            ),
            DeclareLaunchArgument(
                "image",
                default_value="image",
                description="Raw image topic of the camera; compressed images are read from <image>/compressed",
            ),
            DeclareLaunchArgument("odom", default_value="odom", description="Topic of the odometry, if there is one"),
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
            DeclareLaunchArgument("rviz", default_value="false", choices=boolean, description="Open RViz too"),
            DeclareLaunchArgument("rviz_config", default_value=str(RVIZ_CONFIG), description="What RViz shows"),
            DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn, error or fatal"),
            DeclareLaunchArgument(
                "dds_profile",
                default_value=str(CONFIG / "fastdds_large_images.xml"),
                description="Fast DDS profile, used unless one is set in the environment; none: leave Fast DDS alone",
            ),
            OpaqueFunction(function=_environment),
            OpaqueFunction(function=_nodes),
        ]
    )


def _environment(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Set what large images need, and nothing that the user has set."""
    actions: list[LaunchDescriptionEntity] = [
        SetEnvironmentVariable(name, value) for name, value in MALLOC_VARIABLES.items() if name not in os.environ
    ]
    profile = LaunchConfiguration("dds_profile").perform(context)
    given = [name for name in PROFILE_VARIABLES if os.environ.get(name)]
    if profile == "none" or given:
        return actions
    if not Path(profile).is_file():
        return [*actions, LogInfo(msg=f"no DDS profile at {profile}: large images may be lost")]
    return actions + [SetEnvironmentVariable(name, profile) for name in PROFILE_VARIABLES]


def _nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the localizer, and RViz if it is wanted. Arguments that were left empty stay out of the parameters."""

    def given(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    parameters: list[object] = [given("params_file")] if given("params_file") else []
    parameters += [{name: ParameterValue(given(name), value_type=str)} for name in ("map", "model") if given(name)]
    parameters += [{"use_sim_time": True}] if given("use_sim_time") == "true" else []
    parameters += [{"autostart": False}] if given("autostart") == "false" else []
    localizer = Node(
        package="vpr_ros",
        executable="localize",
        name="vpr_localizer",
        namespace=given("namespace"),
        parameters=parameters,
        remappings=[("image", given("image")), ("odom", given("odom"))],
        ros_arguments=["--log-level", f"vpr_localizer:={given('log_level')}"],
        output="screen",
    )
    prefix = f"/{given('namespace').strip('/')}" if given("namespace").strip("/") else ""
    remapped = ["initialpose", *(f"vpr_localizer/{topic}" for topic in RVIZ_TOPICS)]
    own_config = given("rviz_config") != str(RVIZ_CONFIG)
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        arguments=[
            "-d",
            given("rviz_config"),
            *([] if own_config else _fixed_frame(given("params_file"), given("map"))),
        ],
        parameters=[{"use_sim_time": given("use_sim_time") == "true"}],
        remappings=[(f"/{topic}", f"{prefix}/{topic}") for topic in remapped] if prefix else [],
        condition=IfCondition(given("rviz")),
        output="log",
    )
    return [localizer, rviz]


def _fixed_frame(params_file: str, place_map: str) -> list[str]:
    """RViz shows poses only in a frame it can relate to theirs: without TF, in the one the node publishes them in."""
    parameters = _parameters_in(_read_yaml(params_file)) if params_file else {}
    manifest = _read_yaml(f"{place_map or parameters.get('map')}/manifest.yaml")
    frame_id = parameters.get("map_frame") or (manifest.get("frame_id") if isinstance(manifest, dict) else None)
    return ["--fixed-frame", str(frame_id)] if frame_id else []


def _parameters_in(tree: object) -> dict[str, object]:
    """What a parameter file says, below whichever name of the node."""
    found: dict[str, object] = {}
    for key, below in tree.items() if isinstance(tree, dict) else ():
        found |= below if key == "ros__parameters" and isinstance(below, dict) else _parameters_in(below)
    return found


def _read_yaml(path: str) -> object:
    try:
        return read_yaml(Path(path).expanduser())
    except (VprError, RuntimeError):  # RuntimeError: the home of a user that does not exist
        return None  # the node says what is wrong with its files
