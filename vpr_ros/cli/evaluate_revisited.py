# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``evaluate_revisited``: mAP and mP@k on ROxford5k and RParis6k, before and after re-ranking, with distractors."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from vpr_ros.cli.progress import progress_bar
from vpr_ros.cli.tables import stdout_console
from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser, count_from_zero
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.hashing import file_sha256
from vpr_ros.evaluation.landmarks.average_precision import SetupScore
from vpr_ros.evaluation.landmarks.rerank import Verification
from vpr_ros.evaluation.landmarks.revisited import Setup, read_truth
from vpr_ros.training.delg.extraction import DelgExtractor, Extraction
from vpr_ros.training.delg.revisited_run import RevisitedImages, RevisitedRun
from vpr_ros.training.image_sets import ImageFiles, image_names
from vpr_ros.training.lightning_checkpoint import load_model
from vpr_ros.training.run_folder import write_text

EXAMPLE = """  %(prog)s runs/delg/model.safetensors --truth gnd_roxford5k.json --images jpg --output roxford
  %(prog)s runs/delg/model.safetensors --truth gnd_roxford5k.json --images jpg --distractors revisitop1m \\
      --binary --output roxford_1m"""


def evaluate_revisited(argv: Sequence[str]) -> None:
    """Run the command.

    Raises:
        VprError: anything the user can mend.
    """
    options = _parser().parse_args(argv)
    if options.threads:
        torch.set_num_threads(options.threads)
    truth = read_truth(options.truth)
    distractors = None
    if options.distractors is not None:
        distractors = ImageFiles(options.distractors, image_names(options.distractors))
    images = RevisitedImages.of(truth, options.images, distractors)
    try:
        model = load_model(options.model).to(options.device)
    except (RuntimeError, AssertionError) as error:  # torch's own, of a device that is not there
        raise ConfigError(f"--device {options.device} cannot be used ({error})", "Say cpu or cuda") from error
    settings = Extraction(threshold=options.threshold, overlap=options.overlap)
    extractor = DelgExtractor(model, settings)
    described = {
        "model_sha256": file_sha256(options.model),
        "extraction": asdict(settings),
        "truth": options.truth.name,
        "database": len(images.database),
    }
    run = options.output / hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]
    with progress_bar(options.truth.stem) as update:
        evaluation = RevisitedRun(extractor, images, run, lambda _what, done, total: update(done, total))
        rankings = evaluation.rankings()
        scores = {"global": evaluation.scores(rankings, None, options.binary)}
        if options.checked:
            way = f"best {options.checked} re-ranked{' by signs' if options.binary else ''}"
            scores[way] = evaluation.scores(rankings, Verification(), options.binary, options.checked)
    report = {**described, "scores": {way: {s: asdict(v) for s, v in of.items()} for way, of in scores.items()}}
    write_text(options.output / "revisited.json", json.dumps(report, indent=2) + "\n")
    _show(scores, f"{options.truth.stem}, {len(images.database)} images")


def _parser() -> CommandParser:
    parser = CommandParser("evaluate_revisited", __doc__ or "", EXAMPLE)
    parser.add_argument("model", type=Path, help="*.safetensors or *.ckpt of a model with a local head")
    parser.add_argument("--truth", type=Path, required=True, help="ground truth as JSON, see docs/datasets.md")
    parser.add_argument("--images", type=Path, required=True, help="folder with the images of the truth, NAME.jpg")
    parser.add_argument("--distractors", type=Path, help="folder with images that answer no query, of any depth")
    parser.add_argument("--output", type=Path, required=True, help="features, so that it goes on, and revisited.json")
    parser.add_argument("--checked", type=int, default=100, help="images to re-rank; 0 for none (default 100)")
    parser.add_argument("--binary", action="store_true", help="compare signs of local descriptors (DELG*)")
    parser.add_argument("--threshold", type=float, help="lowest attention score (default: the checkpoint's)")
    parser.add_argument("--overlap", type=float, default=1.0, help="of boxes that are kept; 1 keeps all (default)")
    parser.add_argument("--device", default="cpu", help="where the model runs, e.g. cuda (default cpu)")
    parser.add_argument("--threads", type=count_from_zero, default=0, help="CPU threads; 0 takes every core")
    return parser


def _show(scores: Mapping[str, Mapping[Setup, SetupScore]], title: str) -> None:
    table = Table(title=f"{title}: mAP, and mP@1/5/10, in percent")
    for column in ("", *next(iter(scores.values()))):
        table.add_column(column, justify="right" if column else "left")
    for way, of in scores.items():
        table.add_row(way, *(_shown(score) for score in of.values()))
    stdout_console().print(table)


def _shown(score: Any) -> str:
    precisions = "/".join(f"{100 * value:.1f}" for value in score.mean_precision.values())
    return f"{100 * score.mean_ap:.2f} ({precisions})"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(evaluate_revisited, argv)


if __name__ == "__main__":
    sys.exit(main())
