# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``describe_model``: tell the robot what an ONNX file of somebody else expects and gives."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from vpr_ros.cli.model_arguments import add_preprocessing, preprocessing_changes
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import folder_beside
from vpr_ros.core.errors import ConfigError, ExportError
from vpr_ros.export.foreign_local import LocalDescription, describe_local_onnx
from vpr_ros.export.foreign_model import Description, describe_onnx
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.metadata import load_onnx
from vpr_ros.export.same_outputs import call_as
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS

MOST_COMPARED = 32


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_command, argv)


def _parser() -> CommandParser:
    parser = CommandParser(
        name="describe_model",
        description="Write an ONNX model with the description that build_map and localize read.",
        example="  %(prog)s mixvpr.onnx --output mixvpr_described.onnx --name mixvpr --size 320x320\n"
        "  %(prog)s --local xfeat.onnx --output xfeat_described.onnx --mean 0 0 0 --std 1 1 1\n"
        "  %(prog)s new.onnx --output new.onnx --same-as old.onnx --images drive/",
    )
    parser.add_argument("model", type=Path, help="ONNX file: an RGB image batch in, one vector per image out")
    parser.add_argument("--output", type=Path, required=True, help="the described file; may be the same")
    parser.add_argument("--name", help="of the model (default: the file's)")
    parser.add_argument("--model-version", default="1", help="for people")
    parser.add_argument("--aggregation", default="unknown", help="name of the pooling, for people")
    parser.add_argument("--local", action="store_true", help="it gives local features, for build_map --local-model")
    parser.add_argument(
        "--local-outputs",
        nargs=3,
        default=LOCAL_OUTPUTS,
        metavar=("KEYPOINTS", "DESCRIPTORS", "SCORES"),
        help=f"what these outputs are called, where not {', '.join(LOCAL_OUTPUTS)}",
    )
    parser.add_argument(
        "--same-as",
        type=Path,
        metavar="OLD.onnx",
        help="MODEL is described, and gives the descriptors of this file: compare both, and let the maps of OLD.onnx "
        "go with OUTPUT",
    )
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="real images to compare them on")
    parser.add_argument("--descriptor-output", help="which of several outputs is the descriptor")
    parser.add_argument("--descriptor-dim", type=int, help="needed where the file leaves it open")
    add_preprocessing(parser, "of the input; needed where the file leaves it open")
    return parser


def _command(argv: Sequence[str]) -> None:
    args = _parser().parse_args(argv)
    name = args.name or args.model.stem
    if args.same_as is not None:
        _call_as(args)
        return
    if args.local:
        _describe_local(args, name)
        return
    description = Description(
        name=name,
        version=args.model_version,
        descriptor_dim=args.descriptor_dim,
        descriptor_output=args.descriptor_output,
        aggregation=args.aggregation,
        preprocessing=preprocessing_changes(args),
    )
    info, dropped = describe_onnx(args.model, args.output, description)
    size = info.preprocessing
    print(f"{args.output}: {info.name}, input {size.height_px}x{size.width_px}, descriptor {info.descriptor_dim}")
    if dropped:
        print(f"left out: the other outputs ({', '.join(dropped)})")


def _describe_local(args: argparse.Namespace, name: str) -> None:
    description = LocalDescription(name, args.model_version, tuple(args.local_outputs), preprocessing_changes(args))
    info = describe_local_onnx(args.model, args.output, description)
    size = info.preprocessing
    print(
        f"{args.output}: {info.name}, input {size.height_px}x{size.width_px}, {info.keypoints} local features of "
        f"{info.dim} numbers"
    )


def _call_as(args: argparse.Namespace) -> None:
    if args.local:
        raise ConfigError("--same-as and --local are given", "Describe the local features first, then compare")
    if args.images is None:
        raise ConfigError("--same-as compares two models on real images", "Give a folder of them with --images")
    images = ImageFolder.open(args.images, MOST_COMPARED)
    with folder_beside(args.output, ExportError) as folder:
        trial = folder / args.output.name
        load_onnx(args.model)
        shutil.copyfile(args.model, trial)
        same = call_as(trial, args.same_as, images)
        trial.replace(args.output)
    local = ", its local features too" if same.local else ""
    print(
        f"{args.output}: maps of {args.same_as} go with it{local}; cosine {same.cosine_min:.7f} at worst over "
        f"{same.images} images"
    )


if __name__ == "__main__":
    raise SystemExit(main())
