# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The command ``vpr_ros`` and the executables of ``ros2 run``: one table; a module is imported when it is asked for.

``vpr_ros build_map drive.mcap ...``, ``python -m vpr_ros build_map ...`` and ``ros2 run vpr_ros build_map ...`` are the
same. Only ``vpr_ros`` is put on PATH: ``watch``, ``play`` and ``train`` are names of other people's programs.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from vpr_ros import __version__
from vpr_ros.core.command import load, run_command, start
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.options import old_name_warning

_ROBOT: Final = "Install it: `rosdep install` in a workspace, or `pip install '.[ros]'` without ROS"
_ROS: Final = "Source ROS 2, or `pip install '.[ros]'` where there is none"
_TRAIN: Final = "Install the trainer: `pip install '.[train]'`"


class Command(NamedTuple):
    """Where a command lives, what it does, and what to install where something it needs is missing."""

    module: str
    summary: str
    remedy: str


COMMANDS: Final = {
    "build_map": Command("vpr_ros.cli.build_map", "make a map of a bag or an image folder", _ROBOT),
    "inspect_map": Command("vpr_ros.cli.inspect_map", "what a map holds; --verify, --picture, --upgrade", _ROBOT),
    "edit_map": Command("vpr_ros.cli.edit_map", "prune, merge, align; stale sessions out", _ROBOT),
    "localize": Command("vpr_ros.ros.localizer.node", "the node: camera images in, poses in the map out", _ROS),
    "evaluate": Command("vpr_ros.cli.evaluate", "how well a second drive is localized, with a report", _ROBOT),
    "calibrate": Command("vpr_ros.cli.calibrate", "a second drive says what a map's answers are worth", _ROBOT),
    "play": Command("vpr_ros.ros.tools.play", "publish a recording as a robot's camera would", _ROS),
    "simulate": Command("vpr_ros.ros.tools.simulate", "drive through a simulated town; --record needs no ROS", _ROS),
    "watch": Command("vpr_ros.ros.tools.watch", "compare the node's answers with the truth, live", _ROS),
    "benchmark": Command("vpr_ros.ros.tools.benchmark", "latency and map building on this machine", _ROS),
    "benchmark_search": Command("vpr_ros.cli.benchmark_search", "the search of maps up to a million frames", _ROBOT),
    "train": Command("vpr_ros.cli.train", "fit a model to a recipe, go on, or validate", _TRAIN),
    "benchmark_train": Command("vpr_ros.cli.benchmark_train", "a recipe beside its bare step", _TRAIN),
    "train_nano": Command("vpr_ros.cli.train_nano", "make the model that ships", _TRAIN),
    "train_local_head": Command("vpr_ros.cli.train_local_head", "teach a trained model to find keypoints", _TRAIN),
    "train_structvpr": Command("vpr_ros.cli.train_structvpr", "a student taught pair by pair, in stages", _TRAIN),
    "export_model": Command("vpr_ros.cli.export_model", "a trained model as the file a robot runs", _TRAIN),
    "convert_checkpoint": Command("vpr_ros.cli.convert", "published weights as a checkpoint of ours", _TRAIN),
    "compare_models": Command("vpr_ros.cli.compare_models", "one table over models and evaluation sets", _TRAIN),
    "compare_papers": Command("vpr_ros.cli.compare_papers", "ten aggregations, and the claims of their papers", _TRAIN),
    "compare_delg": Command("vpr_ros.cli.compare_delg", "the claims of the DELG paper in miniature", _TRAIN),
    "compare_structvpr": Command("vpr_ros.cli.compare_structvpr", "StructVPR's ablation in miniature", _TRAIN),
    "compare_precision": Command("vpr_ros.cli.compare_precision", "a recipe in bf16 beside 32-true, paired", _TRAIN),
    "evaluate_revisited": Command("vpr_ros.cli.evaluate_revisited", "mAP on ROxford5k and RParis6k", _TRAIN),
    "describe_model": Command("vpr_ros.cli.describe_model", "add to an ONNX file what the robot must know", _TRAIN),
}

RENAMED: Final = {("benchmark", "--train"): "benchmark_train"}
"""A command and an option that made it another one; the old way of asking holds for one release."""

WITH_NETWORK: Final = ("localize", "evaluate", "calibrate", "build_map", "benchmark", "benchmark_search")
"""Commands in which numpy's products take turns with the network."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; return the exit status."""
    name, *arguments = [*(sys.argv[1:] if argv is None else argv), ""]
    if name in COMMANDS:
        return run(name, arguments[:-1])
    return run_command(_without_command, [name])


def run(name: str, argv: Sequence[str] | None = None) -> int:
    """Run the command *name*; return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for (command, option), renamed in RENAMED.items():
        if command == name and option in arguments:
            print(f"warning: {old_name_warning(f'{command} {option}', renamed)}", file=sys.stderr)
            arguments.remove(option)
            name = renamed
    if name in WITH_NETWORK:
        # A second thread of OpenBLAS gains nothing on products of this size, and spins on for so long that it takes the
        # next image's network half of two cores: 28 to 35 ms instead of 20. Read when numpy is imported.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return start(name, COMMANDS[name].module, COMMANDS[name].remedy, arguments)


def __getattr__(name: str) -> Callable[[], int]:
    """An entry point of each command's name, for the executables of ``ros2 run``."""
    if name not in COMMANDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return functools.partial(run, name)


def _without_command(argv: Sequence[str]) -> None:
    (asked,) = argv
    if asked in {"-h", "--help", "help"}:
        print(_help())
    elif asked in {"-V", "--version"}:
        print(f"vpr_ros {__version__}")
    elif asked:
        near = load("difflib").get_close_matches(asked.replace("-", "_"), COMMANDS, n=1)
        nearest = f"The nearest is `vpr_ros {near[0]}`; all: " if near else "See "
        raise ConfigError(f"{asked!r} is no command", f"{nearest}`vpr_ros --help`")
    else:
        raise ConfigError("no command is given", "`vpr_ros --help` lists them")


def _help() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}s}  {command.summary}" for name, command in COMMANDS.items())
    return (
        "usage: vpr_ros COMMAND [ARGUMENT ...]\n\n"
        f"A robot's pose in a known map from one camera image.\n\n{commands}\n\n"
        "`vpr_ros COMMAND --help` says more. With ROS 2: `ros2 run vpr_ros COMMAND`."
    )


if __name__ == "__main__":
    sys.exit(main())
