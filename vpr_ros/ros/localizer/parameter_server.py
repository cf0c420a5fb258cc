"""The node's parameters on the ROS side: declared from the schema, unknown ones refused, changes checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter

from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.localizer.parameters import (
    MOUNT_PREFIX,
    ParameterSpec,
    Settings,
    Value,
    build_settings,
    mount_spec,
    node_specs,
)

_DECLARED_BY_RCLPY = ("use_sim_time", "start_type_description_service", "qos_overrides.")


class OverriddenNode(LifecycleNode):
    """A managed node that declares whatever parameters the user gave, for a ``ParameterServer`` to check.

    rclpy's flag for it is the supported way to see what the user gave, misspelt names included. An empty list comes
    without a type and would end the node with rclpy's ValueError.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True)

    def declare_parameters(self, namespace: str, parameters: Sequence[Any], ignore_override: bool = False) -> Any:
        """Declare parameters; one of a fixed type but without a value, which rclpy refuses, is an empty list."""
        known = [(item[0], [], *item[2:]) if _lacks_value(*item) else item for item in parameters]
        return super().declare_parameters(namespace, known, ignore_override)


class ParameterServer:
    """Declares the schema on an ``OverriddenNode``.

    Attributes:
        settings: the parameters in use.
    """

    def __init__(self, node: Node) -> None:
        """Replace the automatic declarations by those of the schema.

        Raises:
            ConfigError: an unknown name, a wrong type or a value out of bounds.
        """
        overrides: dict[str, Any] = node.get_parameters_by_prefix("")
        given = {name: item.value for name, item in overrides.items() if not name.startswith(_DECLARED_BY_RCLPY)}
        specs = node_specs()
        cameras = specs["cameras"].checked(given.get("cameras", specs["cameras"].default))
        for camera in cameras if isinstance(cameras, tuple) else ():
            spec = mount_spec(str(camera))
            specs[spec.name] = spec
        _check_known(given, specs)
        self._specs = specs
        self._values = {name: spec.checked(given.get(name, spec.default)) for name, spec in specs.items()}
        self.settings = build_settings(self._values)
        for name, spec in specs.items():
            if name in given:
                node.undeclare_parameter(name)
            _declare(node, spec, self._values[name])

    def merged(self, changes: Iterable[Parameter]) -> tuple[dict[str, Value], Settings]:
        """The values and settings as they would be after *changes*, without keeping them.

        Raises:
            ConfigError: a value out of bounds or of another type, or values that do not fit together.
        """
        merged = dict(self._values)
        for change in changes:
            spec = self._specs.get(change.name)
            if spec is not None:
                merged[change.name] = spec.checked(change.value)
        return merged, build_settings(merged)

    def keep(self, values: Mapping[str, Value], settings: Settings) -> None:
        """Make the result of ``merged`` the one in use."""
        self._values, self.settings = dict(values), settings


def _lacks_value(_: str, value: Any = (), descriptor: ParameterDescriptor | None = None) -> bool:
    return value is None and (descriptor is None or not descriptor.dynamic_typing)


def _check_known(given: Mapping[str, Any], specs: Mapping[str, ParameterSpec]) -> None:
    unknown = sorted(set(given) - set(specs))
    if not unknown:
        return
    name = unknown[0]
    if name.startswith(MOUNT_PREFIX):
        remedy = f"Add {name.removeprefix(MOUNT_PREFIX)!r} to the parameter cameras, or remove the entry"
    else:
        near = difflib.get_close_matches(name, specs, n=1)
        remedy = f"Did you mean {near[0]}? " if near else ""
        remedy += "docs/parameters.md lists every name"
    raise ConfigError(f"unknown parameter{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}", remedy)


def _declare(node: Node, spec: ParameterSpec, value: Value) -> None:
    descriptor = ParameterDescriptor(description=spec.description, read_only=spec.read_only)
    if spec.choices:
        descriptor.additional_constraints = f"one of {', '.join(spec.choices)}"
    if spec.minimum is not None and spec.maximum is not None:
        if isinstance(spec.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(spec.minimum), to_value=float(spec.maximum), step=0.0)
            ]
        else:
            descriptor.integer_range = [IntegerRange(from_value=int(spec.minimum), to_value=int(spec.maximum), step=1)]
    if isinstance(value, tuple):
        if not value:  # an empty list has no type of its own
            kind = Parameter.Type.DOUBLE_ARRAY
            node.declare_parameter(spec.name, kind, descriptor, ignore_override=True)
            # One parameter without a value empties the whole answer of get_parameters, so `ros2 param dump` too.
            node.set_parameters([Parameter(spec.name, kind, [])])
            return
        node.declare_parameter(spec.name, list(value), descriptor, ignore_override=True)
        return
    node.declare_parameter(spec.name, value, descriptor, ignore_override=True)
