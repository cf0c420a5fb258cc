# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``train_local_head``: teach a trained model to find keypoints, from images and a teacher; its descriptors stay."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from vpr_ros.core.command import program, run_command
from vpr_ros.core.command_line import CommandParser, count_from_zero
from vpr_ros.export.exported_model import model_of_file, recipe_of_file
from vpr_ros.training.local_head.train import EXAMPLE_RECIPE, LocalHeadInputs, train_local_head

EXAMPLE = """  %(prog)s runs/one_cluster/model.safetensors --sequences INDEX.csv --teacher xfeat.onnx \\
      --output runs/with_keypoints
  vpr_ros export_model runs/with_keypoints/one_cluster.safetensors --images FOLDER --output one_cluster.onnx"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_train, argv)


def _parser() -> CommandParser:
    parser = CommandParser("train_local_head", __doc__ or "", EXAMPLE)
    parser.add_argument("model", type=Path, help="checkpoint of vpr_ros, or an exported vpr_nano in fp32")
    parser.add_argument(
        "--recipe", type=Path, default=Path(EXAMPLE_RECIPE), help="YAML with head, teacher, training (%(default)s)"
    )
    parser.add_argument("--sequences", type=Path, required=True, help="INDEX.csv of image sequences (docs/datasets.md)")
    parser.add_argument("--teacher", type=Path, required=True, help="ONNX file of a network with keypoints")
    parser.add_argument("--output", type=Path, required=True, help="run folder")
    parser.add_argument("--threads", type=count_from_zero, default=0, help="CPU threads; 0 takes every core")
    return parser


def _train(argv: Sequence[str]) -> None:
    arguments = _parser().parse_args(argv)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    model = model_of_file(arguments.model)
    made_by = recipe_of_file(arguments.model)
    inputs = LocalHeadInputs(model, made_by, arguments.recipe, arguments.sequences, arguments.teacher)
    checkpoint = train_local_head(inputs, arguments.output, functools.partial(print, flush=True))
    same = f" --same-as {arguments.model}" if arguments.model.suffix == ".onnx" else ""  # its maps go with the new file
    export = f"{program('export_model')} {checkpoint} --images FOLDER{same} --output {checkpoint.stem}.onnx"
    print(f"wrote {checkpoint}; export it with\n  {export}")


if __name__ == "__main__":
    sys.exit(main())
