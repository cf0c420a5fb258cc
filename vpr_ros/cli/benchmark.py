"""``benchmark``: the robot's side, or with ``--train`` the trainer's; a machine needs only the half it asks for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

from vpr_ros.core.command import run_command
from vpr_ros.core.errors import ConfigError

_TRAIN = "--train"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; what follows ``--train`` are the arguments of the trainer's benchmark."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if _TRAIN not in arguments:
        robot: Callable[[Sequence[str]], int] = importlib.import_module("vpr_ros.ros.benchmark").main
        return robot(arguments)
    arguments.remove(_TRAIN)
    return run_command(_train, arguments)


def _train(argv: Sequence[str]) -> None:
    try:
        trainer = importlib.import_module("vpr_ros.cli.benchmark_train")
    except ImportError as error:
        raise ConfigError(f"the trainer is not installed ({error})", "pip install '.[train]'") from error
    trainer.benchmark_train(argv)


if __name__ == "__main__":
    sys.exit(main())
