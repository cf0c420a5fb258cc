"""Every parameter of the node: type, default, bounds and description in one place.

The declaration, the validation, ``docs/parameters.md`` and the test of ``config/localize.yaml`` are all made from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.image_header import LARGEST_PIXEL_LIMIT, MAX_IMAGE_PIXELS
from vpr_ros.core.pose import LONGEST_QUATERNION, Pose
from vpr_ros.inference.options import PREFERENCE
from vpr_ros.localization import LocalizerConfig
from vpr_ros.maps.manifest_parts import mount_problem

Value = bool | int | float | str | tuple[str, ...] | tuple[float, ...]

LOCALIZER_PREFIX = "localizer."
MOUNT_PREFIX = "T_base_camera."


def parameter(
    default: Value,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = False,
) -> Any:
    """Declare a field of ``NodeSettings`` as a parameter."""
    metadata = {
        "description": description,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "read_only": read_only,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NodeSettings:
    """The node's own parameters; those of the localizer follow under ``localizer.``."""

    map: str = parameter(
        "",
        "Folder of the map, as written by build_map. Can be changed while running: the old map stays if the new fails.",
    )
    model: str = parameter("", "ONNX model that made the map. Empty: the vpr_nano this package ships.")
    providers: tuple[str, ...] = parameter(
        PREFERENCE,
        "What may run the model (ONNX Runtime execution providers), best first; what is not installed is passed over.",
        choices=PREFERENCE,
        read_only=True,
    )
    engine_cache: str = parameter(
        "", "Folder for TensorRT engines. Empty: vpr_ros/engines in the user's cache folder.", read_only=True
    )
    cameras: tuple[str, ...] = parameter(
        ("camera",), "A name for each camera, in the order of image_topics.", read_only=True
    )
    image_topics: tuple[str, ...] = parameter(
        ("image",), "Image topic of each camera; compressed images are read from <topic>/compressed.", read_only=True
    )
    image_transport: str = parameter(
        "auto",
        "raw or compressed subscribes to one of them; auto to both, and keeps the one that delivers.",
        choices=("auto", "raw", "compressed"),
        read_only=True,
    )
    max_image_pixels: int = parameter(
        MAX_IMAGE_PIXELS,
        "A larger image is refused before it is decoded, by the size its header states. Pixels.",
        minimum=1,
        maximum=LARGEST_PIXEL_LIMIT,
    )
    map_frame: str = parameter("", "Frame of the published poses. Empty: the frame the map was built in.")
    base_frame: str = parameter("base_link", "Frame whose pose is published.")
    continuous: bool = parameter(
        True, "Localize every image the model has time for. False: only when ~/localize is called."
    )
    hand_over_initialpose: bool = parameter(
        False, "Hand one accepted pose over on initialpose as soon as AMCL or Nav2 listens. ~/reset arms it again."
    )
    use_tf: bool = parameter(
        True,
        "Ask TF where each camera sits, where tf2_ros is installed. False spares the node the traffic on /tf.",
        read_only=True,
    )
    publish_tf: bool = parameter(
        False, "Broadcast map -> odom from the last accepted pose. Needs tf2_ros and an odom -> base transform."
    )
    odom_frame: str = parameter("odom", "Child of the transform that publish_tf broadcasts.")
    tf_tolerance_s: float = parameter(
        0.5, "How far into the future the broadcast transform is valid, seconds.", minimum=0.0, maximum=10.0
    )
    camera_timeout_s: float = parameter(
        2.0,
        "A camera silent for longer is reported; ~/localize refuses older images. Seconds.",
        minimum=0.1,
        maximum=3600.0,
    )
    autostart: bool = parameter(
        True, "Configure and activate without being asked. False: wait for a lifecycle manager.", read_only=True
    )


@dataclass(frozen=True)
class Settings:
    """Every parameter, checked.

    Attributes:
        node: the node's own.
        localizer: those under ``localizer.``.
        mounts: camera -> T_base_camera, None where the parameters do not say.
    """

    node: NodeSettings
    localizer: LocalizerConfig
    mounts: Mapping[str, Pose | None]


@dataclass(frozen=True)
class ParameterSpec:
    """What ROS, the YAML file and the docs know about one parameter."""

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def checked(self, value: Any) -> Value:
        """Bring *value* to the parameter's type; an integer is accepted for a float.

        Raises:
            ConfigError: another type, outside the bounds, or not one of the choices.
        """
        value = self._typed(value)
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                continue
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            if not low <= number <= high or not math.isfinite(number):
                expected = "a finite number" if low == -high == -math.inf else f"{low} to {high}"
                raise ConfigError(f"parameter {self.name} is {number}, expected {expected}", "Correct the value")
        chosen = value if isinstance(value, tuple) else (value,)
        if self.choices and not (chosen and set(chosen) <= set(self.choices)):
            some = "one or more" if isinstance(value, tuple) else "one"
            raise ConfigError(
                f"parameter {self.name} is {value!r}, expected {some} of {', '.join(self.choices)}",
                "Correct the value",
            )
        return value

    def _typed(self, value: Any) -> Value:
        default = self.default
        if isinstance(default, tuple):
            items = tuple(value) if not isinstance(value, (str, bool, int, float)) and value is not None else None
            kind = str if default and isinstance(default[0], str) else float
            if items is not None and kind is float and all(type(item) in (int, float) for item in items):
                return tuple(float(item) for item in items)
            if items is not None and all(isinstance(item, kind) for item in items):
                typed: Value = items
                return typed
        elif type(value) is type(default):
            same: Value = value
            return same
        elif isinstance(default, float) and type(value) is int:
            return float(value)
        expected = "a list" if isinstance(default, tuple) else type(default).__name__
        raise ConfigError(
            f"parameter {self.name} is {value!r} ({type(value).__name__}), expected {expected} such as {default!r}",
            "Correct it where it is given; a text that looks like a number or like true needs quotes of its own, "
            f"-p '{self.name}:=\"...\"'"
            if isinstance(default, str)
            else "Correct it where it is given",
        )


def node_specs() -> dict[str, ParameterSpec]:
    """Every parameter whose name does not depend on the cameras, by name."""
    specs = [_own_spec(item) for item in fields(NodeSettings)]
    specs += [_localizer_spec(item) for item in fields(LocalizerConfig)]
    return {spec.name: spec for spec in specs}


def mount_spec(camera: str) -> ParameterSpec:
    """The parameter that says where *camera* sits. Empty means unknown."""
    return ParameterSpec(
        MOUNT_PREFIX + camera,
        (),
        "Pose of the camera (optical frame: z forward, x right) in the base frame: x y z in metres and qx qy qz qw, "
        "or x y z and roll pitch yaw in radians. Asked only where TF does not know it.",
    )


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
    mounts = {camera: _mount(MOUNT_PREFIX + camera, values[MOUNT_PREFIX + camera]) for camera in node.cameras}
    return Settings(node, localizer, mounts)


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


def _mount(name: str, numbers: Any) -> Pose | None:
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


def _own_spec(item: Field[Any]) -> ParameterSpec:
    default: Any = item.default
    return ParameterSpec(item.name, default, **item.metadata)


def _localizer_spec(item: Field[Any]) -> ParameterSpec:
    known = item.metadata
    unit = "" if known["unit"] == "1" else f" Unit: {known['unit']}."
    description = f"{known['description'][0].upper()}{known['description'][1:]}.{unit}"
    default: Any = item.default
    return ParameterSpec(LOCALIZER_PREFIX + item.name, default, description, known["min"], known["max"])
