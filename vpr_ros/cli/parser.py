"""An argument parser whose complaints are the package's errors: one line, with what to do."""

from __future__ import annotations

import argparse
from typing import NoReturn

from vpr_ros.core.errors import ConfigError


class CommandParser(argparse.ArgumentParser):
    """Shows the description's line breaks and the defaults, and raises instead of exiting."""

    def __init__(self, prog: str, description: str, example: str) -> None:
        """Build a parser whose help ends with *example*."""
        super().__init__(
            prog=prog,
            description=description,
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
