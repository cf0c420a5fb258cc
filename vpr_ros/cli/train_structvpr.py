# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``train_structvpr``: a student taught by a SEG branch, or by a large model, each pair as much as it has to learn.

Runs the stages of a recipe with `train`: the SEG branch and the student by themselves, then the student with its
teacher. What --run holds already is kept, so a killed run is gone on with by the same command. All other arguments are
those of `train fit`, for all stages (--trainer.devices 1) or for one of them (--student.trainer.max_epochs 5).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from vpr_ros.core.command import program, run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.training.recipe_cli import run_recipe
from vpr_ros.training.structvpr.stages import EXAMPLE_RECIPE, run_stages

EXAMPLE = f"""  %(prog)s --recipe {EXAMPLE_RECIPE} --run runs/structvpr
  %(prog)s --recipe config/recipes/distill_dinov2b_to_vits.yaml --run runs/vits --distilled.trainer.max_epochs 5
  vpr_ros export_model runs/structvpr/distilled/model.safetensors --images FOLDER --output structvpr.onnx"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_train, argv)


def _parser() -> CommandParser:
    parser = CommandParser("train_structvpr", __doc__ or "", EXAMPLE)
    parser.add_argument("--recipe", type=Path, required=True, help="YAML with the stages teacher, student, distilled")
    parser.add_argument("--run", type=Path, required=True, help="folder that keeps everything")
    return parser


def _train(argv: Sequence[str]) -> None:
    options, overrides = _parser().parse_known_args(argv)
    tell = functools.partial(print, flush=True)
    checkpoint = run_stages(options.recipe, options.run, overrides, run_recipe, tell)
    export = f"{program('export_model')} {checkpoint} --images FOLDER --output structvpr.onnx"
    print(f"wrote {checkpoint}; export it with\n  {export}")


if __name__ == "__main__":
    sys.exit(main())
