"""Tables on stdout: as wide as the terminal, or as they need to be in a file."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH_OF_A_FILE = 200


def stdout_console() -> Console:
    """Return a console on stdout. rich takes 80 columns for a pipe, in which a wide table falls to pieces."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH_OF_A_FILE)
