"""Several models on several retrieval tasks: torch checkpoints and ONNX files through one code path."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from vpr_ros.core.errors import ModelError
from vpr_ros.core.model_info import DescriptorArray, Extractor
from vpr_ros.evaluation.metrics import Metrics
from vpr_ros.inference.open import open_extractor
from vpr_ros.training.image_sets import ImageList, ImageListChain, RetrievalSet
from vpr_ros.training.progress import ShowProgress, Update, no_update
from vpr_ros.training.retrieval_metrics import retrieval_metrics
from vpr_ros.training.torch_extractor import TorchExtractor

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class ComparedModel:
    """One row of the table.

    Attributes:
        name: of the model; runs with several seeds share it.
        file: where it came from.
        runtime: what ran it.
        variant: "torch", or "onnx" with its precision.
        descriptor_dim: D.
        parameters: how many numbers the file holds.
        ms_per_image: median time of one image through the network alone, preprocessing not counted.
        mb_per_1000_images: of float32 descriptors.
        recall: task -> rank -> percent of all queries.
        metrics: task -> content of its ``metrics.json``, see ``retrieval_metrics``.
    """

    name: str
    file: str
    runtime: str
    variant: str
    descriptor_dim: int
    parameters: int
    ms_per_image: float
    mb_per_1000_images: float
    recall: dict[str, dict[int, float]]
    metrics: dict[str, Metrics]


@dataclass(frozen=True)
class OpenedModel:
    """A model ready to be compared; see ``ComparedModel``."""

    file: str
    extractor: Extractor
    parameters: int
    variant: str


def open_model(path: Path, device: str = "cpu") -> OpenedModel:
    """Open an ONNX file, or a checkpoint of the trainer.

    Raises:
        ModelError: the ONNX file cannot be run.
        TrainingError: no checkpoint of ours.
    """
    if path.suffix == ".onnx":
        exported = open_extractor(path)
        return OpenedModel(str(path), exported, onnx_parameters(path), f"onnx {exported.info.precision}")
    extractor = TorchExtractor.open(path, device)
    return OpenedModel(str(path), extractor, sum(p.numel() for p in extractor.model.parameters()), "torch")


def compare_files(
    paths: Sequence[Path], tasks: Sequence[RetrievalSet], device: str, batch: int, progress: ShowProgress
) -> list[ComparedModel]:
    """Open and measure one model file after the other; see ``open_model`` and ``compare``."""
    rows = []
    for path in paths:
        with progress(path.name) as update:
            rows.append(compare(open_model(path, device), tasks, batch, update))
    return rows


def compare(
    model: OpenedModel, tasks: Sequence[RetrievalSet], batch: int = 16, update: Update = no_update
) -> ComparedModel:
    """Measure one model on every task; *update* hears of each task's images.

    Raises:
        FrameDecodeError: an image of a task does not decode.
        ModelError: the model answers with numbers that are not finite.
    """
    times_ms = _milliseconds(model.extractor)
    metrics: dict[str, Metrics] = {}
    for task in tasks:
        rows = _describe(model.extractor, [task.database, task.queries], batch, update)
        database, queries = np.split(rows, [len(task.database)])
        metrics[task.name] = retrieval_metrics(database, queries, task.positives, times_ms)
    info = model.extractor.info
    return ComparedModel(
        name=info.name,
        file=model.file,
        runtime=model.extractor.provider,
        variant=model.variant,
        descriptor_dim=info.descriptor_dim,
        parameters=model.parameters,
        ms_per_image=float(np.median(times_ms)),
        mb_per_1000_images=info.descriptor_dim * 4 * 1000 / 1e6,
        recall={name: {rank: found["recall_at"][str(rank)] for rank in RANKS} for name, found in metrics.items()},
        metrics=metrics,
    )


@dataclass(frozen=True)
class Summary:
    """Models of one name and variant taken together, one per seed.

    Attributes:
        name, variant: of the models.
        runs: how many.
        mean, deviation: task -> rank -> percent; the deviation is that of the sample, NaN for one run.
    """

    name: str
    variant: str
    runs: int
    mean: dict[str, dict[int, float]]
    deviation: dict[str, dict[int, float]]


def summarise(rows: Sequence[ComparedModel]) -> list[Summary]:
    """Mean and deviation of the recall over the rows that share name and variant, in order of appearance."""
    summaries = []
    for name, variant in dict.fromkeys((row.name, row.variant) for row in rows):
        runs = [row for row in rows if (row.name, row.variant) == (name, variant)]
        mean: dict[str, dict[int, float]] = {}
        deviation: dict[str, dict[int, float]] = {}
        for task, ranks in runs[0].recall.items():
            table = np.array([[run.recall[task][rank] for rank in ranks] for run in runs])
            spread = table.std(axis=0, ddof=1) if len(runs) > 1 else np.full(len(ranks), np.nan)
            mean[task] = dict(zip(ranks, table.mean(axis=0).tolist(), strict=True))
            deviation[task] = dict(zip(ranks, spread.tolist(), strict=True))
        summaries.append(Summary(name, variant, len(runs), mean, deviation))
    return summaries


def _describe(extractor: Extractor, lists: Sequence[ImageList], batch: int, update: Update) -> DescriptorArray:
    images = ImageListChain(lists)
    parts = []
    for start in range(0, len(images), batch):
        loaded = [images.load(i) for i in range(start, min(start + batch, len(images)))]
        parts.append(extractor.infer(extractor.prepare(loaded)))
        update(start + len(loaded), len(images))
    return np.concatenate(parts)


def _milliseconds(extractor: Extractor, repeats: int = 15) -> list[float]:
    """Time single images through the network alone."""
    size = extractor.info.preprocessing
    image = np.random.default_rng(0).integers(0, 255, (size.height_px, size.width_px, 3), dtype=np.uint8)
    batch = extractor.prepare([image])
    extractor.infer(batch)  # the first run allocates
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        extractor.infer(batch)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def onnx_parameters(path: Path) -> int:
    """Count the weights of an ONNX file.

    Raises:
        ModelError: it is no ONNX file.
    """
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # onnx raises protobuf's own, unexported classes
        raise ModelError(f"{path} is no ONNX file ({error})", "Give a file written by `export_model`") from error
    constants = [a.t for node in graph.node if node.op_type == "Constant" for a in node.attribute if a.name == "value"]
    # shapes and axes are constants too: weights are what is not an integer and more than a scalar
    tensors = [t for t in (*graph.initializer, *constants) if t.dims and t.data_type != onnx.TensorProto.INT64]
    return sum(int(np.prod(tensor.dims)) for tensor in tensors)
