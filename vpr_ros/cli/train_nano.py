# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``train_nano``: make the shipped model, from image sequences and a dense teacher to the exported ONNX file."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from vpr_ros.core.command import program, run_command
from vpr_ros.core.command_line import CommandParser, count_from_zero
from vpr_ros.training.nano_training import NanoInputs, train_nano

EXAMPLE = """  %(prog)s --recipe config/recipes/vpr_nano.yaml --sequences INDEX.csv --teacher xfeat.onnx \\
      --output runs/nano
  vpr_ros export_model runs/nano/vpr_nano.safetensors --images FOLDER --output vpr_nano.onnx"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_train, argv)


def _parser() -> CommandParser:
    parser = CommandParser("train_nano", __doc__ or "", EXAMPLE)
    parser.add_argument("--recipe", type=Path, required=True, help="YAML with model, distillation, appearance, teacher")
    parser.add_argument("--sequences", type=Path, required=True, help="INDEX.csv of image sequences (docs/datasets.md)")
    parser.add_argument("--teacher", type=Path, required=True, help="ONNX file of a network with dense features")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="run folder; teacher's answers and a backbone already in it are used again",
    )
    parser.add_argument("--threads", type=count_from_zero, default=0, help="CPU threads; 0 takes every core")
    return parser


def _train(argv: Sequence[str]) -> None:
    arguments = _parser().parse_args(argv)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    inputs = NanoInputs(arguments.recipe, arguments.sequences, arguments.teacher)
    checkpoint = train_nano(inputs, arguments.output, functools.partial(print, flush=True))
    export = f"{program('export_model')} {checkpoint} --images FOLDER --output {checkpoint.stem}.onnx"
    print(f"wrote {checkpoint}; export it with\n  {export}")


if __name__ == "__main__":
    sys.exit(main())
