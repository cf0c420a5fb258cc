# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Names of frames that contradict each other: a transform from a frame to itself, a map called like the odometry."""

from __future__ import annotations

from vpr_ros.core.errors import ConfigError
from vpr_ros.maps.map_frame import DEFAULT_MAP_FRAME, is_drifting
from vpr_ros.ros.localizer.parameters import NodeSettings

IN_A_TRANSFORM = frozenset({"map", "map_frame", "odom_frame", "base_frame", "publish_tf"})
"""Parameters that ``check_transform`` looks at."""


def same_frame(one: str, other: str) -> bool:
    """Whether two names are one frame's: some drivers still write ROS 1's leading slash."""
    return one.lstrip("/") == other.lstrip("/")


def check_names(settings: NodeSettings, map_frame: str) -> None:
    """Refuse names that no frame can have.

    Raises:
        ConfigError: an empty or unprintable name.
    """
    for parameter, name in (("map_frame", map_frame), ("base_frame", settings.base_frame)):
        if not name.strip() or not name.isprintable():
            raise ConfigError(f"{parameter} is {name!r}, expected the name of a frame", f"Correct {parameter}")


def check_transform(settings: NodeSettings, map_frame: str) -> None:
    """Refuse what ``publish_tf`` cannot broadcast.

    Args:
        settings: the node's parameters.
        map_frame: the frame of the published poses.

    Raises:
        ConfigError: the map's frame is the odometry's, or the robot's own.
    """
    if not settings.publish_tf:
        return
    for child, parameter in ((settings.odom_frame, "odom_frame"), (settings.base_frame, "base_frame")):
        if same_frame(map_frame, child):
            raise ConfigError(
                f"publish_tf relates {map_frame!r} to {settings.odom_frame!r}, and the map's frame {map_frame!r} is "
                f"{parameter} ({child!r}) too, so it broadcasts nothing",
                f"Set map_frame, for example to {DEFAULT_MAP_FRAME}, or correct {parameter}",
            )


def map_frame_warning(settings: NodeSettings, map_frame: str) -> str:
    """What is wrong with the name of the map's frame, "" where nothing is."""
    if not same_frame(map_frame, settings.odom_frame) and not is_drifting(map_frame):
        return ""
    return (
        f"the map's frame is called {map_frame!r}, as that of odometry: AMCL refuses poses in it, and others take them "
        f"for the drifting ones. Set map_frame to {DEFAULT_MAP_FRAME}, or build the map again."
    )
