"""Options on the command line: every argument's type, bounds, unit and help come from the schema."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from vpr_ros.core.options import TYPED_UNITS, Option, old_name_warning, options_of

Config = TypeVar("Config")
Parser = argparse._ActionsContainer
"""A parser or one of its groups."""

UNITS_IN_NAMES: Final = ("_m", "_rad", "_s", "_px")


def add_option(
    parser: Parser, config: type, name: str, metavar: str | tuple[str, ...] | None = None, flag: str = ""
) -> argparse.Action:
    """Add the option *name* of a configuration, for ``config_from`` to read.

    It is called as the field without its unit: ``min_distance_m`` is ``--min-distance``; a list is given by repeating
    its singular, and what is on by default is turned off by ``--no-``. An angle is typed in degrees.

    Args:
        parser: where it belongs.
        config: the dataclass that declares it.
        name: of its field.
        metavar: stands for the value in the help.
        flag: another name than that.
    """
    known = options_of(config)[name]
    flag = flag or _flag(known)
    details: dict[str, Any] = {"dest": name, "default": None, "help": _help(_as_typed(known))}
    if known.kind is bool:
        details["action"] = "store_false" if known.default else "store_true"
    else:
        metavar = metavar or ("{" + ",".join(known.choices) + "}" if known.choices else None)
        details |= {"type": _reader(replace(known, called=flag)), "metavar": metavar}
        if known.length is not None:
            details["nargs"] = known.length
        elif known.is_list:
            details["action"] = "append"
    action = parser.add_argument(flag, **details)
    accept_old_flags(parser, action, [_flag(replace(known, name=old)) for old in known.renamed_from])
    return action


def accept_old_flags(parser: Parser, action: argparse.Action, old: Sequence[str]) -> None:
    """Let *action* be asked for by names that it had, too; each is told of once it is used, and in no help."""
    for flag in old:
        parser.add_argument(flag, action=_OldFlag, now=action, dest=action.dest, default=None, help=argparse.SUPPRESS)


def config_from(config: type[Config], arguments: argparse.Namespace, **known: Any) -> Config:
    """Build *config* from the options that were given; *known* are values that come from elsewhere.

    Raises:
        ConfigError: values out of bounds, or that do not fit together.
    """
    options = options_of(config)
    given = {name: getattr(arguments, name, None) for name in options}
    values = {
        name: tuple(value) if options[name].is_list else value for name, value in given.items() if value is not None
    }
    return config(**{**values, **known})


class _OldFlag(argparse.Action):
    """Warns, and does what the flag of the new name does."""

    def __init__(self, option_strings: Sequence[str], dest: str, now: argparse.Action, **others: Any) -> None:
        kind: Any = now.type
        super().__init__(option_strings, dest, nargs=now.nargs, const=now.const, type=kind, **others)
        self._now = now

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        print(f"warning: {old_name_warning(str(option_string), self._now.option_strings[0])}", file=sys.stderr)
        self._now(parser, namespace, values, option_string)


def _flag(known: Option) -> str:
    words = known.name
    for unit in UNITS_IN_NAMES:
        words = words.removesuffix(unit)
    if known.is_list and known.length is None:
        words = words.removesuffix("s")
    return f"--{'no-' if known.default is True else ''}{words.replace('_', '-')}"


def _help(known: Option) -> str:
    """The description, and the default where it says more than that there is none."""
    text = f"do not {known.description}" if known.default is True else known.description
    if known.is_list and known.length is None:
        text += "; may be repeated"
    if known.kind is not bool and not known.is_list and known.default not in (None, ""):
        default = f"{known.default:g}" if known.kind is float else str(known.default)
        text += f" ({default}{' ' if known.unit else ''}{known.unit})"
    return text.replace("%", "%%")


def _as_typed(known: Option) -> Option:
    """The option in the unit that people type."""
    unit = TYPED_UNITS.get(known.unit)
    if unit is None:
        return known
    default, low, high, above = (
        None if number is None else round(unit.from_package(number), 6)
        for number in (known.default, known.minimum, known.maximum, known.above)
    )
    return replace(known, unit=unit.name, default=default, minimum=low, maximum=high, above=above)


def _reader(known: Option) -> Callable[[str], Any]:
    """What makes one typed word a value of the configuration, or raises what ``Option.checked`` does."""
    one = replace(_as_typed(known), is_list=False, length=None, is_optional=False)

    def read(text: str) -> Any:
        value: Any = text
        if one.kind in (int, float, Path):
            with suppress(ValueError):  # the text itself, which the check refuses
                value = one.kind(text)
        value = one.checked(value)
        return TYPED_UNITS[known.unit].to_package(value) if known.unit in TYPED_UNITS else value

    return read
