"""The trainer's command line before and after LightningCLI: what it would take silently, and what it says at length."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import jsonargparse

from vpr_ros.core.command import program
from vpr_ros.core.errors import ConfigError, VprError
from vpr_ros.core.files import read_yaml


def check_arguments(argv: Sequence[str]) -> None:
    """Refuse what jsonargparse would take.

    Raises:
        ConfigError: an override that drops its neighbours, or a recipe that is no YAML of a reasonable size.
    """
    _refuse_deep_overrides(argv)
    _check_recipes(argv)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Let jsonargparse's errors fit on one line, and our own be what they are.

    Raises:
        VprError: anything the user can mend.
    """
    try:
        yield
    except jsonargparse.ArgumentError as error:
        raise ConfigError(
            f"the recipe or the command line is wrong: {_short(str(error))}",
            f"See `{program('train')} fit --help` and docs/training.md",
        ) from error
    except ValueError as error:
        # jsonargparse wraps what a constructor raises
        cause = _own_error(error)
        if cause is None:
            raise
        raise cause from error


def _refuse_deep_overrides(argv: Sequence[str]) -> None:
    """Stop an override that would silently drop the rest of its section: jsonargparse merges one level of a mapping.

    Raises:
        ConfigError: with the way to write it.
    """
    for argument in argv:
        found = re.match(r"--model\.init_args\.model\.(\w+)\.(\w+)", argument)
        if found is not None:
            section, key = found.groups()
            raise ConfigError(
                f"{argument.split('=')[0]} would replace the whole section {section}, not {key} alone",
                f"Give the section whole: --model.init_args.model.{section} '{{name: ..., {key}: ...}}'",
            )


def _check_recipes(argv: Sequence[str]) -> None:
    """Look at the recipes before jsonargparse does, which follows any number of aliases.

    Raises:
        ConfigError: one that is no YAML of a reasonable size.
    """
    for before, argument in zip(("", *argv), argv, strict=False):
        found = re.match(r"(?:--config|-c)=(.+)", argument)
        name = found[1] if found else argument if before in ("--config", "-c") else None
        if name is not None and Path(name).exists():
            read_yaml(Path(name))


def _short(message: str) -> str:
    """Keep the key and the innermost reason of jsonargparse's nested report."""
    keys = ".".join(re.findall(r'Parser key "([^"]+)"', message))
    lines = message.splitlines()
    reason = max(lines, key=lambda line: len(line) - len(line.lstrip())).strip()
    return f"{keys}: {reason}" if keys and len(lines) > 1 else message.rstrip(".")


def _own_error(error: BaseException) -> VprError | None:
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, VprError):
            return chain
        chain = chain.__cause__ or chain.__context__
    return None
