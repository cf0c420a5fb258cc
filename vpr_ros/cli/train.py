"""``train``: fit a recipe, resume it, or validate a checkpoint by recall.

LightningCLI is its parser: every value of a recipe can be overridden on the command line, and unknown keys are refused.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vpr_ros.core.command import run_command
from vpr_ros.training.recipe_cli import run_recipe


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(run_recipe, argv)


if __name__ == "__main__":
    sys.exit(main())
