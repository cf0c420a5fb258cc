# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Does a recipe end as well in other numbers? The same seeds in both, measured on the same queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.evaluation.retrieval import nearest
from vpr_ros.training.batches import LoaderOptions
from vpr_ros.training.embedding import describe_images
from vpr_ros.training.image_sets import RetrievalSet
from vpr_ros.training.lightning_checkpoint import load_model
from vpr_ros.training.paired_runs import Difference, Figures, paired_difference, verdict
from vpr_ros.training.recipe_cli import run_recipe

ERRORS = 2.0
"""Standard errors that an answer must be clear of."""
PUBLISHED = "32-true"
Train = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class PrecisionFinding:
    """What one precision costs on one validation set.

    Attributes:
        precision, task: which.
        published, found: recall@1 in percent of each seed in ``PUBLISHED`` and in *precision*.
        loss: how much less the second is, in points, over seeds and queries.
        verdict: of the claim that it loses no more than so many points: seen, contradicted or not resolved.
    """

    precision: str
    task: str
    published: tuple[float, ...]
    found: tuple[float, ...]
    loss: Difference
    verdict: str


def train_in(recipe: Path, precision: str, seed: int, output: Path, train: Train = run_recipe) -> Path:
    """Train *recipe* in *precision* from *seed*, in a folder of its own below *output*; the trained model's file.

    One that is finished is not trained again, and one that was killed goes on.

    Raises:
        VprError: the recipe cannot be trained.
    """
    folder = output / f"{precision}_seed{seed}"
    model = folder / "model.safetensors"
    if not model.is_file():
        seeds = [f"--seed_everything={seed}", f"--model.init_args.seed={seed}", f"--data.init_args.seed={seed}"]
        resume = (folder / "checkpoints" / "resume.ckpt").is_file()
        place = [f"--run={folder}", f"--resume={str(resume).lower()}"]
        train(["fit", f"--config={recipe}", f"--trainer.precision={precision}", *seeds, *place])
    return model


def hits(model: Path, task: RetrievalSet, loader: LoaderOptions, device: str = "cpu") -> npt.NDArray[np.float64]:
    """Of every query 100 where the first answer of the model in *model* is right, else 0; it runs in float32.

    Raises:
        TrainingError: no checkpoint, or an image does not decode.
        ModelError: the model answers with numbers that are not finite.
    """
    network = load_model(model).to(device)
    seen = network.config.preprocessing
    database, queries = (describe_images(network, images, seen, loader) for images in (task.database, task.queries))
    return 100.0 * task.positives.correct(nearest(database, queries, 1))[:, 0].astype(np.float64)


def compare_precision(precision: str, task: str, published: Figures, found: Figures, within: float) -> PrecisionFinding:
    """Compare figures (S, Q) of S seeds and Q queries of *task*; *within* are the points that may be lost."""
    loss = paired_difference(published, found)
    means = [tuple(float(mean) for mean in figures.mean(axis=1)) for figures in (published, found)]
    return PrecisionFinding(precision, task, means[0], means[1], loss, verdict(loss, ERRORS, within))
