"""``convert_checkpoint``: published weights, or an export, become a checkpoint of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.exported_model import model_of_export
from vpr_ros.export.images import ImageFolder
from vpr_ros.inference import shipped_model_path
from vpr_ros.models import AggregationConfig, PlaceModel, build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.models.convert import convert
from vpr_ros.models.initialise import initialise_assignment

BATCH = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    return run_command(_command, argv)


def _parser() -> CommandParser:
    parser = CommandParser(
        name="convert_checkpoint",
        description="Turn a published .pth file into a vpr_ros checkpoint: SuperVLAD, 1-cluster VLAD or NetVLAD over "
        "DINOv2, CCT-14/7x2 or VGG16, or one of these backbones alone. The variant is read from the file, every tensor "
        "must fit, nothing in it is executed. An fp32 export of vpr_nano (.onnx) becomes a checkpoint to fine-tune.",
        example="  %(prog)s dinov2_vits14_pretrain.pth --output dino.safetensors --init-images drive/\n"
        "  %(prog)s --output vpr_nano.safetensors",
    )
    parser.add_argument("file", type=Path, nargs="?", help=".pth file, or .onnx (default: the shipped vpr_nano.onnx)")
    parser.add_argument("--output", type=Path, required=True, help="checkpoint to write (.safetensors)")
    parser.add_argument("--name", default="", help="of the model (default: the file's)")
    parser.add_argument(
        "--init-images",
        type=Path,
        metavar="FOLDER",
        help="put a SuperVLAD on the file's backbone, its clusters found in these images: usable before any training",
    )
    parser.add_argument("--clusters", type=int, default=4, help="of that SuperVLAD (default 4)")
    parser.add_argument(
        "--ghost-clusters", type=int, help="of that SuperVLAD (default 1), or of a file that was not released"
    )
    parser.add_argument("--init-count", type=int, default=500, help="images used, spread over the folder (default 500)")
    parser.add_argument("--heads", type=int, help="attention heads (default: one per 64 channels, as released)")
    return parser


def _command(argv: Sequence[str]) -> None:
    args = _parser().parse_args(argv)
    file = args.file or shipped_model_path()
    replaced = args.init_images is not None
    if file.suffix == ".onnx":
        if args.heads is not None or (args.ghost_clusters is not None and not replaced):
            raise ConfigError(f"--heads or --ghost-clusters for {file.name}", "An export says these itself: drop them")
        model, kind = model_of_export(file, args.name), f"read back from {file.name}"
    else:
        model, published = convert(file, args.name, args.heads, None if replaced else args.ghost_clusters)
        kind = published.kind
    if replaced:
        ghosts = 1 if args.ghost_clusters is None else args.ghost_clusters
        aggregation = AggregationConfig("supervlad", {"clusters": args.clusters, "ghost_clusters": ghosts})
        model = _with_aggregation(model, aggregation, ImageFolder.open(args.init_images, args.init_count))
        kind += f"; now under SuperVLAD K={args.clusters} G={ghosts}, its clusters found in {args.init_images}"
    save_checkpoint(model, args.output, Recipe(name=f"converted from {file.name}"))
    size = model.config.preprocessing
    print(f"{args.output}: {kind}, descriptor {model.descriptor_dim}, input {size.height_px}x{size.width_px}")


def _with_aggregation(model: PlaceModel, aggregation: AggregationConfig, images: ImageFolder) -> PlaceModel:
    plain = replace(model.config, cross_image=None, whitening_dim=None, patch_normalised=None)
    new = build_model(replace(plain, aggregation=aggregation))
    new.backbone.load_state_dict(model.backbone.state_dict(), strict=True)
    initialise_assignment(new, _batches(images, new.config.preprocessing))
    return new


def _batches(images: ImageFolder, preprocessing: Preprocessing) -> Iterator[torch.Tensor]:
    for batch in images.batches(BATCH):
        yield torch.from_numpy(preprocessing.batch(batch))


if __name__ == "__main__":
    raise SystemExit(main())
