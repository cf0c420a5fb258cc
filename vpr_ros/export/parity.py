"""The gate: does the exported file say what the trained network says, on real images?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vpr_ros.core.errors import ExportError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.model_info import DescriptorArray, Extractor
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.positives_csv import read_positives
from vpr_ros.evaluation.retrieval import evaluate_retrieval
from vpr_ros.export.exportable import Exportable
from vpr_ros.export.images import ImageFolder
from vpr_ros.inference.probe import MIN_COSINE

MINIMUM_COSINE = {"fp32": 0.9999, "fp16": MIN_COSINE, "int8": 0.5}
"""Below this on any image an export is refused. What int8 costs is for its user to judge from the recall change in the
report; its limit only stops what is broken."""

BATCH = 8

Describe = Callable[[Sequence[ImageRgb]], DescriptorArray]


@dataclass(frozen=True)
class Parity:
    """Agreement of an export with the torch model.

    Attributes:
        images: how many were compared.
        cosine_min, cosine_mean: over the images.
        recall_at_1_torch, recall_at_1_export: percent, where a map and queries were given.
    """

    images: int
    cosine_min: float
    cosine_mean: float
    recall_at_1_torch: float | None = None
    recall_at_1_export: float | None = None

    @property
    def recall_at_1_change(self) -> float | None:
        """Export minus torch, percentage points."""
        if self.recall_at_1_torch is None or self.recall_at_1_export is None:
            return None
        return self.recall_at_1_export - self.recall_at_1_torch


@dataclass(frozen=True, eq=False)
class RecallSet:
    """A small place-recognition task to see what an export does to recall.

    Attributes:
        map_images, query_images: two folders.
        positives: correct map images of each query.
    """

    map_images: ImageFolder
    query_images: ImageFolder
    positives: Positives

    @classmethod
    def open(cls, map_images: Path, query_images: Path, positives: Path) -> RecallSet:
        """Read two folders and the CSV file that says what belongs together.

        Raises:
            ExportError, ConfigError: a folder without images, or no such table.
        """
        maps, queries = ImageFolder.open(map_images), ImageFolder.open(query_images)
        return cls(maps, queries, read_positives(positives, maps.names, queries.names).positives)


def torch_describer(exportable: Exportable) -> Describe:
    """Describe images with the torch network, through the one preprocessing."""

    def describe(images: Sequence[ImageRgb]) -> DescriptorArray:
        with torch.no_grad():
            return exportable.module(torch.from_numpy(exportable.info.preprocessing.batch(images))).numpy()  # type: ignore[no-any-return]

    return describe


def extractor_describer(extractor: Extractor) -> Describe:
    """Describe images as the robot does, one at a time."""

    def describe(images: Sequence[ImageRgb]) -> DescriptorArray:
        return np.concatenate([extractor.infer(extractor.prepare([image])) for image in images])

    return describe


def measure(reference: Describe, exported: Describe, images: ImageFolder, task: RecallSet | None = None) -> Parity:
    """Compare two ways to describe the same images."""
    cosine = np.concatenate([_cosine(reference(batch), exported(batch)) for batch in images.batches(BATCH)])
    recalls = (None, None) if task is None else (_recall_at_1(reference, task), _recall_at_1(exported, task))
    return Parity(len(cosine), float(cosine.min()), float(cosine.mean()), *recalls)


def check(parity: Parity, precision: str) -> None:
    """Refuse an export that does not agree.

    Raises:
        ExportError: with what was measured and what is needed.
    """
    needed = MINIMUM_COSINE[precision]
    if not parity.cosine_min >= needed:  # NaN must not pass
        raise ExportError(
            f"the {precision} export does not agree with the torch model: cosine {parity.cosine_min:.6f} at worst over "
            f"{parity.images} images, needed {needed:.4f}",
            "Nothing was written; export in a higher precision, or report the operation that differs",
        )


def _cosine(first: DescriptorArray, second: DescriptorArray) -> npt.NDArray[np.float64]:
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)
    cosine: npt.NDArray[np.float64] = (a * b).sum(axis=1) / lengths
    return cosine


def _recall_at_1(describe: Describe, task: RecallSet) -> float:
    def all_of(batches: Iterable[Sequence[ImageRgb]]) -> DescriptorArray:
        return np.concatenate([describe(batch) for batch in batches])

    maps, queries = all_of(task.map_images.batches(BATCH)), all_of(task.query_images.batches(BATCH))
    return evaluate_retrieval(maps, queries, task.positives, ranks=(1,)).at[1]
