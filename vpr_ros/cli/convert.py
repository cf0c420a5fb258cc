"""``convert_checkpoint``: published weights, or an export, become a checkpoint of ours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.export.conversion import Conversion, convert_file
from vpr_ros.inference import shipped_model_path
from vpr_ros.models.checkpoint import Recipe, save_checkpoint


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
    wanted = Conversion(args.name, args.heads, args.ghost_clusters, args.clusters, args.init_images, args.init_count)
    model, kind = convert_file(file, wanted)
    save_checkpoint(model, args.output, Recipe(name=f"converted from {file.name}"))
    size = model.config.preprocessing
    print(f"{args.output}: {kind}, descriptor {model.descriptor_dim}, input {size.height_px}x{size.width_px}")


if __name__ == "__main__":
    raise SystemExit(main())
