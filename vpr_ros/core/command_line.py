"""An argument parser whose complaints are the package's errors: one line, with what to do."""

from __future__ import annotations

import argparse
from typing import NoReturn

from vpr_ros.core.command import program
from vpr_ros.core.errors import ConfigError


class CommandParser(argparse.ArgumentParser):
    """Shows the description's line breaks and the defaults, and raises instead of exiting."""

    def __init__(self, name: str, description: str, example: str) -> None:
        """Build the parser of the command *name*; its help ends with *example*, where %(prog)s is how it was called.

        The *description* may be the docstring of the command's module, which begins with the name.
        """
        text = description.removeprefix(f"``{name}``: ").replace("``", "`")
        super().__init__(
            prog=program(name),
            description=text[:1].upper() + text[1:],
            epilog=f"example:\n{example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would have printed with the usage.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(message, f"See {self.prog} --help")
