"""A checkpoint as an ``Extractor``: what evaluates an ONNX file evaluates it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.hashing import file_sha256
from vpr_ros.core.model_info import DescriptorArray, ModelInfo
from vpr_ros.models import PlaceModel
from vpr_ros.models.info import info_of
from vpr_ros.training.embedding import evaluating, finite_rows
from vpr_ros.training.lightning_checkpoint import load_model


class TorchExtractor:
    """Runs a place model in torch, each image as if alone.

    Args:
        model: to run, on the device it is on.
        sha256: of its file.
        name: for reports; the model's own where empty.
    """

    def __init__(self, model: PlaceModel, sha256: str = "", name: str = "") -> None:
        self.model = model
        self._sha256 = sha256
        info = info_of(model)
        self._info = replace(info, name=name or info.name)

    @classmethod
    def open(cls, path: Path, device: str = "cpu") -> TorchExtractor:
        """Open ``*.safetensors`` or ``*.ckpt``.

        Raises:
            TrainingError: no checkpoint of ours.
        """
        model = load_model(path).to(device)
        return cls(model, file_sha256(path))

    @property
    def info(self) -> ModelInfo:
        """What the model's config says."""
        return self._info

    @property
    def sha256(self) -> str:
        """Hash of the checkpoint."""
        return self._sha256

    @property
    def provider(self) -> str:
        """What runs it."""
        return f"torch {next(self.model.parameters()).device}"

    def prepare(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        """Preprocess B images to (B, 3, H, W) float32, as the robot does."""
        return self.info.preprocessing.batch(images_rgb)

    def infer(self, batch: npt.NDArray[np.float32]) -> DescriptorArray:
        """(B, 3, H, W) float32 -> (B, D) float32, rows of unit length.

        Raises:
            ModelError: the model answered with numbers that are not finite.
        """
        device = next(self.model.parameters()).device
        with evaluating(self.model):
            return finite_rows(self.model(torch.from_numpy(batch).to(device)).float().cpu())
