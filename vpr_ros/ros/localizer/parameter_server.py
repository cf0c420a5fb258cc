"""The node's parameters on the ROS side: declared from the schema, unknown ones refused, changes checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.options import Option, old_name_warning, with_new_names
from vpr_ros.ros.localizer.parameters import (
    EXTRINSICS_PREFIX,
    Settings,
    Value,
    build_settings,
    extrinsics_spec,
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

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """Set parameters, as ``ros2 param set`` asks; an old name stands for the new one."""
        new_names = {old: spec.name for spec in node_specs().values() for old in spec.renamed_from}
        renamed = []
        for given in parameter_list:
            if name := new_names.get(given.name):
                self.get_logger().warning(f"parameter {old_name_warning(given.name, name)}")
            renamed.append(Parameter(name, given.type_, given.value) if name else given)
        return super().set_parameters_atomically(renamed)


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
        named, warnings = with_new_names(given, specs.values())
        for warning in warnings:
            node.get_logger().warning(f"parameter {warning}")
        for camera in _checked(specs["cameras"], named.get("cameras", specs["cameras"].default)):
            spec = extrinsics_spec(str(camera))
            specs[spec.name] = spec
        _check_known(named, specs)
        self._specs = specs
        self._values = {name: _checked(spec, named.get(name, spec.default)) for name, spec in specs.items()}
        self.settings = build_settings(self._values)
        for name in given:
            node.undeclare_parameter(name)
        for name, spec in specs.items():
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
                merged[change.name] = _checked(spec, change.value)
        return merged, build_settings(merged)

    def keep(self, values: Mapping[str, Value], settings: Settings) -> None:
        """Make the result of ``merged`` the one in use."""
        self._values, self.settings = dict(values), settings


def _checked(spec: Option, value: Any) -> Any:
    """What ``Option.checked`` says; where ROS took a text for something else, how to write it too."""
    try:
        return spec.checked(value)
    except ConfigError as error:
        if spec.kind is not str or spec.is_list or isinstance(value, str):
            raise
        quoted = f"a text that looks like a number or like true needs quotes of its own, -p '{spec.name}:=\"...\"'"
        raise ConfigError(error.problem, f"Correct it where it is given; {quoted}") from None


def _lacks_value(_: str, value: Any = (), descriptor: ParameterDescriptor | None = None) -> bool:
    return value is None and (descriptor is None or not descriptor.dynamic_typing)


def _check_known(given: Mapping[str, Any], specs: Mapping[str, Option]) -> None:
    unknown = sorted(set(given) - set(specs))
    if not unknown:
        return
    name = unknown[0]
    if name.startswith(EXTRINSICS_PREFIX):
        remedy = f"Add {name.removeprefix(EXTRINSICS_PREFIX)!r} to the parameter cameras, or remove the entry"
    else:
        near = difflib.get_close_matches(name, specs, n=1)
        remedy = f"Did you mean {near[0]}? " if near else ""
        remedy += "docs/parameters.md lists every name"
    raise ConfigError(f"unknown parameter{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}", remedy)


def _declare(node: Node, spec: Option, value: Value) -> None:
    descriptor = ParameterDescriptor(description=spec.description, read_only=spec.read_only)
    if spec.choices:
        descriptor.additional_constraints = f"one of {', '.join(spec.choices)}"
    if spec.minimum is not None and spec.maximum is not None:
        if spec.kind is float:
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
