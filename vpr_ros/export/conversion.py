"""Published weights, or an export, as a model of ours: as it is, or its backbone under a SuperVLAD of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.exported_model import model_of_export
from vpr_ros.export.images import ImageFolder
from vpr_ros.models import AggregationConfig, PlaceModel, build_model
from vpr_ros.models.convert import convert
from vpr_ros.models.initialise import initialise_assignment

BATCH = 4


@dataclass(frozen=True)
class Conversion:
    """What is wanted of a file.

    Attributes:
        name: of the new model; empty takes the file's.
        heads: attention heads; None for one per 64 channels, as released.
        ghost_clusters: of the SuperVLAD; None for 1, or what the file was released with.
        clusters: of the SuperVLAD put on the file's backbone.
        init_images, init_count: folder that these clusters are found in, and how many of its images are used; None
            keeps what stands on the backbone.
    """

    name: str = ""
    heads: int | None = None
    ghost_clusters: int | None = None
    clusters: int = 4
    init_images: Path | None = None
    init_count: int = 500


def convert_file(file: Path, wanted: Conversion) -> tuple[PlaceModel, str]:
    """Read *file*, a published ``.pth`` or an fp32 export of vpr_nano; also returns what was recognised, for people.

    Raises:
        ConfigError: something is asked for that an export says itself.
        ExportError, ModelError, TrainingError: the file cannot be read, see ``convert`` and ``model_of_export``.
    """
    kept = wanted.init_images is None
    if file.suffix == ".onnx":
        if wanted.heads is not None or (wanted.ghost_clusters is not None and kept):
            raise ConfigError(f"--heads or --ghost-clusters for {file.name}", "An export says these itself: drop them")
        model, kind = model_of_export(file, wanted.name), f"read back from {file.name}"
    else:
        ghosts = wanted.ghost_clusters if kept else None
        model, published = convert(file, wanted.name, wanted.heads, ghosts)
        kind = published.kind
    if wanted.init_images is None:
        return model, kind
    ghosts = 1 if wanted.ghost_clusters is None else wanted.ghost_clusters
    aggregation = AggregationConfig("supervlad", {"clusters": wanted.clusters, "ghost_clusters": ghosts})
    images = ImageFolder.open(wanted.init_images, wanted.init_count)
    words = f"now under SuperVLAD K={wanted.clusters} G={ghosts}, its clusters found in {wanted.init_images}"
    return _with_aggregation(model, aggregation, images), f"{kind}; {words}"


def _with_aggregation(model: PlaceModel, aggregation: AggregationConfig, images: ImageFolder) -> PlaceModel:
    plain = replace(model.config, cross_image=None, whitening_dim=None, patch_normalised=None)
    new = build_model(replace(plain, aggregation=aggregation))
    new.backbone.load_state_dict(model.backbone.state_dict(), strict=True)
    initialise_assignment(new, _batches(images, new.config.preprocessing))
    return new


def _batches(images: ImageFolder, preprocessing: Preprocessing) -> Iterator[torch.Tensor]:
    for batch in images.batches(BATCH):
        yield torch.from_numpy(preprocessing.batch(batch))
