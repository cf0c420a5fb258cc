"""``benchmark``: the robot's side, or with ``--train`` the trainer's; a machine needs only the half it asks for."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vpr_ros.core.command import load, run_command
from vpr_ros.core.errors import ConfigError

_TRAIN = "--train"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; what follows ``--train`` are the arguments of the trainer's benchmark."""
    return run_command(_benchmark, argv)


def _benchmark(argv: Sequence[str]) -> int:
    arguments = list(argv)
    if _TRAIN not in arguments:
        return int(load("vpr_ros.ros.benchmark").main(arguments))
    arguments.remove(_TRAIN)
    try:
        trainer = load("vpr_ros.cli.benchmark_train")
    except ImportError as error:
        raise ConfigError(f"the trainer is not installed ({error})", "pip install '.[train]'") from error
    trainer.benchmark_train(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
