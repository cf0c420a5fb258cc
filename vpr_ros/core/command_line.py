# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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


def count_from_zero(text: str) -> int:
    """Read a number of things, as the type of an argument.

    Raises:
        ArgumentTypeError: it is none, or negative.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number, 0 or more")
    return int(text)
