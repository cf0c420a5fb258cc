"""The one schema of everything a user can turn: a value is declared once, as a field of a configuration.

From the declaration come its check, its words on the command line (``core/option_arguments.py``), the node's parameter,
and its lines in ``config/localize.yaml`` and ``docs/parameters.md``.
"""

from __future__ import annotations

import math
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, NamedTuple

from vpr_ros.core.errors import ConfigError


class TypedUnit(NamedTuple):
    """What people type instead of a unit of the package, and the ways there and back."""

    name: str
    from_package: Callable[[float], float]
    to_package: Callable[[float], float]


TYPED_UNITS: Final = MappingProxyType({"rad": TypedUnit("degrees", math.degrees, math.radians)})
"""Angles are radians everywhere but where people type them into a command."""
NOUNS: Final = MappingProxyType(
    {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}
)


@dataclass(frozen=True)
class Option:
    """What is known of one value.

    Attributes:
        description: what it does; begins small and ends without a period, as the help of a command line does.
        unit: a short name, empty where it has none.
        minimum, maximum: bounds, themselves allowed; an infinite maximum allows infinity.
        above: a bound that is not.
        choices: the only texts allowed.
        when: when to change it, a sentence.
        heading: of the group of options that begins with this one.
        renamed_from: names that are accepted with a warning for one release.
        read_only: whether the node refuses to change it while it runs.
        name: as the code and parameter files have it.
        called: as an error calls it.
        kind: bool, int, float, str or Path; of the items where it is a list.
        is_list, length: whether it is a list, and of how many items; None: any number of them.
        is_optional: whether None is a value too; the description says what it does.
        default: the value, unless another is given.
    """

    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    when: str = ""
    heading: str = ""
    renamed_from: tuple[str, ...] = ()
    read_only: bool = False
    name: str = ""
    called: str = ""
    kind: type = float
    is_list: bool = False
    length: int | None = None
    is_optional: bool = False
    default: Any = None

    def checked(self, value: Any) -> Any:
        """*value* as its own type: a whole number serves as a number, any sequence as a list.

        Raises:
            ConfigError: of another type, out of bounds, not finite or none of the choices.
        """
        if value is None and self.is_optional:
            return None
        if not self.is_list:
            return self._item(value, value)
        if isinstance(value, (str, bytes, Path, Mapping)) or not isinstance(value, Iterable):
            raise self._refused(value)
        items = list(value)
        if (self.length is not None and len(items) != self.length) or (self.choices and not items):
            raise self._refused(items)
        return tuple(self._item(item, items) for item in items)

    @property
    def expected(self) -> str:
        """What may be given, in words."""
        noun = NOUNS[self.kind]
        number = self.kind in (int, float)
        if self.kind is float and self.minimum is self.maximum is self.above is None:
            noun = f"finite {noun}"
        if self.choices:
            some = f"{'one or more of' if self.is_list else 'one of'} {', '.join(self.choices)}"
        elif self.is_list:
            some = f"{'a list of' if self.length is None else self.length} {noun}s"
        else:
            some = noun if self.kind is bool else f"a {noun}"
        return " ".join(filter(None, (some, self.bounds, f"({self.unit})" if number and self.unit else "")))

    @property
    def bounds(self) -> str:
        """The bounds of a number in words, empty where there are none."""
        low, high, above = (
            str(bound) if isinstance(bound, int) else f"{bound:.6g}" if bound is not None else ""
            for bound in (self.minimum, self.maximum, self.above)
        )
        if low and high:
            return f"from {low} to {high}"
        return f"of {low} or more" if low else f"above {above}" if above else ""

    def _item(self, item: Any, value: Any) -> Any:
        allowed: Any = (int, float) if self.kind is float else self.kind
        is_right = isinstance(item, allowed) and (self.kind is bool or not isinstance(item, bool))
        if is_right and self.choices:
            is_right = item in self.choices
        if is_right and self.kind in (int, float):
            is_right = self._is_within(item)
        if not is_right:
            raise self._refused(value)
        return float(item) if self.kind is float else item

    def _is_within(self, number: float) -> bool:
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        above = -math.inf if self.above is None else self.above
        is_finite = abs(number) <= sys.float_info.max
        return (is_finite or number == self.maximum) and low <= number <= high and number > above

    def _refused(self, value: Any) -> ConfigError:
        remedy = f"Give {self.called} another value"
        if self.default not in (None, ()):
            remedy += f"; the default is {as_text(self.default)}"
        return ConfigError(f"{self.called} is {value!r}, expected {self.expected}", remedy)


def option(
    default: Any,
    description: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
    when: str = "",
    heading: str = "",
    renamed_from: tuple[str, ...] = (),
    read_only: bool = False,
) -> Any:
    """Declare a field of a frozen dataclass as something a user can turn; name and type are the field's own."""
    known = Option(
        description, unit, minimum, maximum, above, choices, when, heading, renamed_from, read_only, default=default
    )
    return field(default=default, metadata={Option: known})


def same_option(config: type, name: str, **changes: Any) -> Any:
    """Declare a field that is the option *name* of another configuration, but for *changes*."""
    known = replace(options_of(config)[name], **changes)
    return field(default=known.default, metadata={Option: known})


def options_of(config: type) -> dict[str, Option]:
    """The options of a dataclass by name, in the order of its fields."""
    hints = typing.get_type_hints(config)
    declared = {item.name: item.metadata.get(Option) for item in fields(config)}
    return {name: _of_type(known, name, hints[name]) for name, known in declared.items() if known is not None}


def check_options(config: Any) -> None:
    """Refuse a configuration with a wrong value; what its ``__post_init__`` calls.

    Raises:
        ConfigError: see ``Option.checked``.
    """
    for name, known in options_of(type(config)).items():
        known.checked(getattr(config, name))


def with_new_names(given: Mapping[str, Any], known: Iterable[Option]) -> tuple[dict[str, Any], list[str]]:
    """What was given, an option's old names replaced by the one it has now, and a warning for each of them.

    Raises:
        ConfigError: an option is given by two names.
    """
    renamed, warnings = dict(given), []
    for new in known:
        for old in new.renamed_from:
            if old not in given:
                continue
            if new.name in renamed:
                raise ConfigError(f"{old} and {new.name} are given, which are one and the same", f"Leave {old} out")
            renamed[new.name] = renamed.pop(old)
            warnings.append(old_name_warning(old, new.name))
    return renamed, warnings


def old_name_warning(old: str, new: str) -> str:
    """What the user of an old name is told."""
    return f"{old} is now called {new}; the next release will not know the old name"


def as_text(value: Any) -> str:
    """A value as YAML has it, angles with no more digits than mean something."""
    if isinstance(value, tuple):
        return f"[{', '.join(item if isinstance(item, str) else as_text(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return (
        repr(round(value, 12)) if isinstance(value, float) else f'"{value}"' if isinstance(value, str) else str(value)
    )


def _of_type(known: Option, name: str, hint: Any) -> Option:
    """The option with what its field says of it."""
    is_union = isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union
    members = [member for member in typing.get_args(hint) if member is not NoneType] if is_union else [hint]
    origin, arguments = typing.get_origin(members[0]), typing.get_args(members[0])
    typed = replace(known, name=name, called=name, is_optional=is_union)
    if origin is typing.Literal:
        return replace(typed, kind=str, choices=arguments)
    if origin is tuple:
        length = None if arguments[-1] is Ellipsis else len(arguments)
        return replace(typed, kind=arguments[0], is_list=True, length=length)
    return replace(typed, kind=members[0])
