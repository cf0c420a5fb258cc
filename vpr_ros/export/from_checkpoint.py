"""A checkpoint as a robot runs it: one image at a time, at the size asked for, whitened where that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from vpr_ros.export.exportable import Exportable, exportable_place_model
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.whiten import MOST_IMAGES, whitened
from vpr_ros.models.checkpoint import load_checkpoint


class Whitening(NamedTuple):
    """How many numbers are kept, and the folder of images it is fitted on."""

    dim: int
    images: Path


class FromCheckpoint(NamedTuple):
    """What can be exported, and what was changed for it, a sentence each."""

    exportable: Exportable
    notes: tuple[str, ...]


def exportable_checkpoint(
    checkpoint: Path, preprocessing: Mapping[str, Any], whitening: Whitening | None = None
) -> FromCheckpoint:
    """Read a checkpoint of ours; *preprocessing* holds fields of ``Preprocessing`` other than the model's.

    Raises:
        TrainingError: no checkpoint of ours, or too few images to whiten on.
        ExportError, ModelError: see ``whitened`` and ``exportable_place_model``.
    """
    model, recipe = load_checkpoint(checkpoint)
    size = replace(model.config.preprocessing, **preprocessing)
    notes = []
    if model.cross_image is not None and model.cross_image.mode != "single":
        model.cross_image.mode = "single"  # as in validation
        notes.append("the cross-image encoder is exported in single-image mode: a robot has one image at a time")
    if whitening is not None:
        model = whitened(model, ImageFolder.open(whitening.images, MOST_IMAGES), whitening.dim, size)
    return FromCheckpoint(exportable_place_model(model, recipe, size), tuple(notes))
