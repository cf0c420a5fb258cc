# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``export_model``: a trained network becomes the file a robot runs, if the parity gate opens."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from vpr_ros.cli.model_arguments import add_preprocessing, preprocessing_changes
from vpr_ros.core.command import program, run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.engine_model import EngineOptions, require_tensorrt, write_engine_model
from vpr_ros.export.export import ExportOptions, ExportReport, export_onnx, report_path
from vpr_ros.export.exportable import Exportable, renamed
from vpr_ros.export.from_checkpoint import Whitening, exportable_checkpoint
from vpr_ros.export.hub_model import HubEntry, exportable_hub_model, hub_arguments
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.parity import RecallSet
from vpr_ros.export.precision import Precision


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(_command, argv)


def _parser() -> CommandParser:
    parser = CommandParser(
        name="export_model",
        description="Export a checkpoint or a torch.hub model to ONNX, and refuse if it does not agree with torch.",
        example="  %(prog)s runs/nano/best.safetensors --output nano.onnx --images drive/ --precision fp16\n"
        "  %(prog)s --torch-hub gmberton/CosPlace get_trained_model --hub-argument backbone=ResNet18 \\\n"
        "      --hub-argument fc_output_dim=512 --name cosplace --size 480x640 --output cosplace.onnx --images drive/",
    )
    parser.add_argument("checkpoint", type=Path, nargs="?", help="checkpoint of vpr_ros")
    parser.add_argument(
        "--torch-hub", nargs=2, metavar=("REPO", "ENTRY"), help="a local folder or owner/name, and its entry"
    )
    parser.add_argument(
        "--hub-argument",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the entry is called with it, e.g. backbone=ResNet18; may be given again",
    )
    parser.add_argument("--trust-repo", action="store_true", help="run a hub repository not used before")
    parser.add_argument("--name", default="", help="of the model (default: the checkpoint's, or ENTRY)")
    parser.add_argument("--output", type=Path, required=True, help="ONNX file to write; its report lies beside it")
    parser.add_argument("--images", type=Path, required=True, help="folder of real images for the parity gate")
    parser.add_argument("--image-count", type=int, default=32, help="of them used, spread over the folder (default 32)")
    parser.add_argument("--precision", choices=get_args(Precision), default="fp32")
    parser.add_argument("--store-half", action="store_true", help="halve an fp32 file; it still computes in fp32")
    parser.add_argument("--calibration-images", type=Path, help="for int8 (default: those of --images)")
    parser.add_argument(
        "--same-as", type=Path, metavar="OLD.onnx", help="it gives the descriptors of this file, whose maps go with it"
    )
    whitening = parser.add_argument_group("PCA whitening, for descriptors too large for a map")
    whitening.add_argument("--whiten", type=int, metavar="DIM", help="numbers to keep, e.g. 4096")
    whitening.add_argument("--whiten-images", type=Path, metavar="FOLDER", help="more than DIM images to fit it on")
    task = parser.add_argument_group("recall change (all three)")
    task.add_argument("--map-images", type=Path, help="folder")
    task.add_argument("--query-images", type=Path, help="folder")
    task.add_argument("--positives", type=Path, help="CSV: query, positives")
    engine = parser.add_argument_group("TensorRT")
    engine.add_argument(
        "--tensorrt",
        type=Path,
        metavar="FILE.onnx",
        help="also write it with its engine inside, for this GPU only",
    )
    engine.add_argument("--timing-cache", type=Path, metavar="FOLDER", help="kept between builds")
    add_preprocessing(parser, "of the input (default: the checkpoint's; needed with --torch-hub)")
    return parser


def _command(argv: Sequence[str]) -> None:
    args = _parser().parse_args(argv)
    _check(args)
    if args.tensorrt is not None:
        require_tensorrt()
    task = (args.map_images, args.query_images, args.positives)
    options = ExportOptions(
        images=ImageFolder.open(args.images, args.image_count),
        precision=args.precision,
        calibration=ImageFolder.open(args.calibration_images, 100) if args.calibration_images else None,
        task=RecallSet.open(*task) if all(task) else None,
        store_half=args.store_half,
        same_as=args.same_as,
    )
    report = export_onnx(_exportable(args), args.output, options)
    print(_summary(args.output, report))
    if args.tensorrt is not None:
        engine = EngineOptions(half=args.precision != "fp32", timing_cache=args.timing_cache)
        built = write_engine_model(args.output, args.tensorrt, engine)
        print(f"{args.tensorrt}: with an engine for {built.built_for}; a map made with {args.output} goes with it")


def _check(args: argparse.Namespace) -> None:
    """Refuse what argparse cannot see: options that go together, or do not.

    Raises:
        ConfigError: which.
    """
    if (args.checkpoint is None) == (args.torch_hub is None):
        raise ConfigError(
            "export_model needs a checkpoint or --torch-hub, one of the two", f"See {program('export_model')} --help"
        )
    if (args.whiten is None) != (args.whiten_images is None) or (args.whiten is not None and args.checkpoint is None):
        raise ConfigError("whitening needs a checkpoint, --whiten and --whiten-images", "Give all three, or none")
    task = (args.map_images, args.query_images, args.positives)
    if any(task) and not all(task):
        raise ConfigError("the recall change needs --map-images, --query-images and --positives", "Give all three")
    if args.hub_argument and not args.torch_hub:
        raise ConfigError("--hub-argument without --torch-hub", "Give both, or none")
    if args.torch_hub and args.size is None:
        raise ConfigError("a torch.hub model does not say what size it expects", "Give --size HEIGHTxWIDTH")


def _exportable(args: argparse.Namespace) -> Exportable:
    changes = preprocessing_changes(args)
    if args.torch_hub:
        repository, entry = args.torch_hub
        hub = HubEntry(repository, entry, hub_arguments(args.hub_argument), args.trust_repo)
        exportable = exportable_hub_model(hub, Preprocessing(**changes), args.name)
        if exportable.images_at_once:
            print("a descriptor depends on the images beside it: exported for one image at a time, as a robot has it")
        return exportable
    whitening = None if args.whiten is None else Whitening(args.whiten, args.whiten_images)
    exportable, notes = exportable_checkpoint(args.checkpoint, changes, whitening)
    for note in notes:
        print(note)
    return renamed(exportable, args.name) if args.name else exportable


def _summary(path: Path, report: ExportReport) -> str:
    parity = report.parity
    recall = ""
    if parity.recall_at_1_change is not None:
        recall = f", recall@1 {parity.recall_at_1_export:.1f} % ({parity.recall_at_1_change:+.1f})"
    if report.local is not None:
        recall += f", {100 * report.local.found_min:.1f} % of the better keypoints at worst"
    return (
        f"{path}: {report.precision}, {report.bytes / 1e6:.1f} MB, cosine to torch {parity.cosine_min:.6f} at worst, "
        f"{parity.cosine_mean:.6f} on average over {parity.images} images{recall}; report in {report_path(path)}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
