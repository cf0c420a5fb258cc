# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Every parameter of the node, and how checked ones become the configurations.

The declaration, the checks, ``config/localize.yaml`` and ``docs/parameters.md`` are all made from this schema.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.image_header import PixelLimit
from vpr_ros.core.mount import mount_problem
from vpr_ros.core.options import Option, option, options_of, same_option
from vpr_ros.core.pose import LONGEST_QUATERNION, Pose
from vpr_ros.inference.options import InferenceOptions
from vpr_ros.localization import LocalizerConfig
from vpr_ros.localization.place_filter import FilterConfig
from vpr_ros.localization.rig import RigConfig

Value = bool | int | float | str | tuple[str, ...] | tuple[float, ...]

LOCALIZER_PREFIX = "localizer."
RIG_PREFIX = "rig."
FILTER_PREFIX = "filter."
EXTRINSICS_PREFIX = "T_base_camera."


@dataclass(frozen=True)
class NodeSettings:
    """The node's own parameters; others follow under ``localizer.``, ``rig.`` and ``filter.``."""

    map: str = option(
        "",
        "folder of the map, as written by build_map. Can be changed while running: the old map stays if the new fails",
        when="Set it here or on the command line: `map:=/path/to/map`.",
        heading="The map, and what runs its model",
    )
    model: str = option(
        "",
        "ONNX model that made the map. Empty: the vpr_nano this package ships",
        when="Only when the map was built with another model.",
    )
    local_model: str = option(
        "",
        "ONNX model that found the map's local features, by which candidates are verified. Empty: the model above, "
        "where it finds some",
        when="When the map was built with --local-model.",
    )
    providers: tuple[str, ...] = same_option(InferenceOptions, "providers", read_only=True)
    engine_cache: str = same_option(
        InferenceOptions,
        "engine_cache",
        default="",
        description="folder for TensorRT engines. Empty: vpr_ros/engines in the user's cache folder",
        read_only=True,
    )
    buffers: str = same_option(InferenceOptions, "buffers", read_only=True)
    cameras: tuple[str, ...] = option(
        ("camera",),
        "a name for each camera, in the order of image_topics",
        when="More than one camera: name them all, in the order of image_topics.",
        heading="Cameras",
        read_only=True,
    )
    image_topics: tuple[str, ...] = option(
        ("image",),
        "image topic of each camera; compressed images are read from <topic>/compressed",
        when="Where your driver publishes, e.g. [/front/image_raw, /rear/image_raw].",
        read_only=True,
    )
    image_transport: str = option(
        "auto",
        "which images are subscribed to: raw, compressed, or auto for both, which keeps those that come",
        choices=("auto", "raw", "compressed"),
        when="Choose one when both are published and you want to decide.",
        read_only=True,
    )
    max_image_pixels: int = same_option(
        PixelLimit,
        "max_image_pixels",
        description="a larger image is refused before it is decoded, by the size its header states",
    )
    camera_timeout_s: float = option(
        2.0,
        "a camera silent for longer is reported; ~/localize refuses older images",
        unit="s",
        minimum=0.1,
        maximum=3600.0,
        when="Raise it for cameras slower than 1 Hz.",
    )
    search_time_ms: float = option(
        1000.0,
        "how long a search may take where the map's descriptors lie on a server: over it the image gets no answer",
        unit="ms",
        minimum=1.0,
        maximum=60_000.0,
        when="Raise it for a slow network, lower it where an image must not hold up the next one. Without effect on "
        "maps whose descriptors lie in their folder.",
    )
    map_frame: str = option(
        "",
        "frame of the published poses. Empty: the frame the map was built in",
        when="When another localizer owns the name of the map's frame; `map` for a map built in `odom`.",
        heading="Frames and transforms",
    )
    grid_frame: str = option(
        "",
        "frame of the occupancy grid that the map was aligned with (edit_map align), in which /tf_static then says "
        "where the map lies. Empty: the one stored in the map",
        when="When the grid's frame has another name here.",
    )
    base_frame: str = option(
        "base_link", "frame whose pose is published", when="When your robot's base is called otherwise."
    )
    use_tf: bool = option(
        True,
        "ask TF where each camera sits, where tf2_ros is installed. False spares the node the traffic on /tf",
        when="False when /tf is busy and the extrinsics are given below or fixed in the map.",
        read_only=True,
    )
    publish_tf: bool = option(
        False,
        "broadcast map -> odom from the last accepted pose. Needs tf2_ros and an odom -> base transform",
        when="True only when nothing else broadcasts map -> odom.",
    )
    odom_frame: str = option(
        "odom",
        "child of the transform that publish_tf broadcasts",
        when="When your odometry frame is called otherwise.",
    )
    tf_tolerance_s: float = option(
        0.5,
        "how far into the future the broadcast transform is valid",
        unit="s",
        minimum=0.0,
        maximum=10.0,
        when="Raise it when Nav2 complains about extrapolation.",
    )
    continuous: bool = option(
        True,
        "localize every image the model has time for. False: only when ~/localize is called",
        when="False on a robot that only asks after waking up: saves the CPU.",
        heading="When it localizes, and who hears of it",
    )
    hand_over_initialpose: bool = option(
        False,
        "hand one accepted pose over on initialpose as soon as AMCL or Nav2 listens. ~/reset arms it again",
        when="True to start AMCL or Nav2 without a click in RViz.",
    )
    autostart: bool = option(
        True,
        "configure and activate without being asked. False: wait for a lifecycle manager",
        when="False when a lifecycle manager starts your nodes.",
        read_only=True,
    )


@dataclass(frozen=True)
class Settings:
    """Every parameter, checked.

    Attributes:
        node: the node's own.
        localizer: those under ``localizer.``.
        rig: those under ``rig.``.
        filter: those under ``filter.``.
        extrinsics: camera -> T_base_camera, None where the parameters do not say.
    """

    node: NodeSettings
    localizer: LocalizerConfig
    rig: RigConfig
    filter: FilterConfig
    extrinsics: Mapping[str, Pose | None]


def node_specs() -> dict[str, Option]:
    """Every parameter whose name does not depend on the cameras, by name."""
    specs = [_named(known, "") for known in options_of(NodeSettings).values()]
    specs += [_named(known, LOCALIZER_PREFIX) for known in options_of(LocalizerConfig).values()]
    specs += [_named(known, RIG_PREFIX) for known in options_of(RigConfig).values()]
    specs += [_named(known, FILTER_PREFIX) for known in options_of(FilterConfig).values()]
    return {spec.name: spec for spec in specs}


def extrinsics_spec(camera: str) -> Option:
    """The parameter that says where *camera* sits. Empty means unknown."""
    known = Option(
        "pose of the camera (optical frame: z forward, x right) in the base frame: x y z in metres and qx qy qz qw, "
        "or x y z and roll pitch yaw in radians. Asked only where TF does not know it; left out: as in the map",
        when="Where TF does not know a camera's place, and the map does not either or was made by another robot.",
        name=camera,
        kind=float,
        is_list=True,
        default=(),
    )
    return _named(known, EXTRINSICS_PREFIX)


def build_settings(values: Mapping[str, Value]) -> Settings:
    """Build the configurations from checked values by parameter name.

    Raises:
        ConfigError: values that do not fit together.
    """
    own = {item.name: values[item.name] for item in fields(NodeSettings)}
    node = NodeSettings(**own)  # type: ignore[arg-type]
    _check_cameras(node)
    inner = {item.name: values[LOCALIZER_PREFIX + item.name] for item in fields(LocalizerConfig)}
    localizer = LocalizerConfig(**inner)  # type: ignore[arg-type]
    rig = RigConfig(**{item.name: values[RIG_PREFIX + item.name] for item in fields(RigConfig)})  # type: ignore[arg-type]
    following = {item.name: values[FILTER_PREFIX + item.name] for item in fields(FilterConfig)}
    place_filter = FilterConfig(**following)  # type: ignore[arg-type]
    extrinsics = {
        camera: _extrinsics(EXTRINSICS_PREFIX + camera, values[EXTRINSICS_PREFIX + camera]) for camera in node.cameras
    }
    return Settings(node, localizer, rig, place_filter, extrinsics)


def _check_cameras(node: NodeSettings) -> None:
    if len(node.cameras) != len(node.image_topics) or not node.cameras:
        raise ConfigError(
            f"found {len(node.cameras)} names in cameras and {len(node.image_topics)} in image_topics",
            "Give each image topic one camera name",
        )
    if len(set(node.cameras)) != len(node.cameras) or not all(name.isidentifier() for name in node.cameras):
        raise ConfigError(
            f"camera names {list(node.cameras)}, expected distinct words of letters, digits and _",
            "Correct the parameter cameras",
        )


def _extrinsics(name: str, numbers: Any) -> Pose | None:
    if not numbers:
        return None
    values = np.asarray(numbers, dtype=np.float64)
    remedy = "Give x y z qx qy qz qw, or x y z roll pitch yaw (metres, radians)"
    is_pose = len(values) == 6 or (len(values) == 7 and 1e-6 < math.hypot(*values[3:]) < LONGEST_QUATERNION)
    if not is_pose or not np.isfinite(values).all():
        raise ConfigError(f"parameter {name} has {len(values)} numbers: {values.tolist()}", remedy)
    turn = Rotation.from_euler("xyz", values[3:]) if len(values) == 6 else Rotation.from_quat(values[3:])
    T_base_camera = Pose.from_rotation(values[:3], turn)
    if problem := mount_problem(T_base_camera):
        raise ConfigError(f"parameter {name} {problem}", remedy)
    return T_base_camera


def _named(known: Option, prefix: str) -> Option:
    name = f"{prefix}{known.name}"
    old_names = tuple(f"{prefix}{old}" for old in known.renamed_from)
    return replace(known, name=name, called=f"parameter {name}", renamed_from=old_names)
