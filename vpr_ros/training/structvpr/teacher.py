# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The teacher of a distillation: a SEG branch over label maps, or any model of ours or published, over the images.

A SEG branch is cheap and sees the label map moved as the student's image is, so it answers in every step. A large model
answers once for each training image, as it is on disk, and its answers are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.core.hashing import file_sha256, json_sha256
from vpr_ros.core.model_info import Extractor
from vpr_ros.inference import InferenceOptions, open_extractor
from vpr_ros.inference.options import TENSORRT
from vpr_ros.models import PlaceModel
from vpr_ros.training.batches import BatchLoader, DescribedImages, LoaderOptions, ShareSampler
from vpr_ros.training.data_module import Chosen
from vpr_ros.training.embedding import describe_images, evaluating
from vpr_ros.training.image_sets import ImageList
from vpr_ros.training.labels.label_maps import LabelMaps
from vpr_ros.training.labels.labelled_images import LabelledImages
from vpr_ros.training.labels.one_hot import weighted_one_hot
from vpr_ros.training.lightning_checkpoint import load_model
from vpr_ros.training.structvpr.label_input import LabelPreprocessing, check_channels, group_weights
from vpr_ros.training.torch_extractor import TorchExtractor

DescriptorArray = npt.NDArray[np.float32]
KEPT_AT_ONCE = 2048
"""Images whose answers make one file: what is finished of it is not asked again after a crash."""


class SegTeacher:
    """A frozen SEG branch.

    Args:
        file: its checkpoint.
        labels: what it looks at.

    Raises:
        ConfigError, TrainingError: no checkpoint, or none over these groups.
    """

    def __init__(self, file: Path, labels: LabelMaps) -> None:
        self.model: PlaceModel = load_model(file).eval().requires_grad_(False)
        check_channels(self.model.backbone, labels)
        self.labels = labels
        self.sha256 = f"{file_sha256(file)} over labels {labels.sha256}"
        self.dim = self.model.descriptor_dim
        self._weights = group_weights(labels)

    def describe(
        self, images: ImageList, folder: Path, name: str, options: LoaderOptions, device: torch.device
    ) -> DescriptorArray:
        """(N, D) unit descriptors of the label maps of N images; *folder* and *name* are not used."""
        del folder, name
        preprocessing = LabelPreprocessing.beside(self.model.config.preprocessing, self.labels)
        labelled: ImageList = LabelledImages(images, self.labels)  # type: ignore[assignment]  # pairs for images
        return describe_images(self.model.to(device), labelled, preprocessing, options)

    def answer(self, groups: Tensor) -> Tensor:
        """(B, height, width) uint8 maps as the student's images were moved -> (B, D), without gradient."""
        with evaluating(self.model.to(groups.device)):
            described: Tensor = self.model(weighted_one_hot(groups, self._weights))
        return described


class ImageTeacher:
    """A frozen model over images, run once per image with its own preprocessing.

    Args:
        file: ``*.safetensors`` or ``*.ckpt`` of ours, or an ONNX file of ``export_model`` or ``describe_model``.
        tell: hears how far it is.

    Raises:
        ModelError, TrainingError: no such model.
    """

    def __init__(self, file: Path, tell: Callable[[str], None]) -> None:
        self._extractor: Extractor = _opened(file)
        self.sha256 = file_sha256(file)
        self.dim = self._extractor.info.descriptor_dim
        self._tell = tell

    def describe(
        self, images: ImageList, folder: Path, name: str, options: LoaderOptions, device: torch.device
    ) -> DescriptorArray:
        """(N, D) unit descriptors of N images; what *folder* holds of this teacher under *name* is not asked again."""
        if isinstance(self._extractor, TorchExtractor):
            self._extractor.model.to(device)
        names = [images.name(index) for index in range(len(images))]
        kept = folder / f"{name}_{json_sha256({'teacher': self.sha256, 'images': names})[:12]}"
        parts = []
        for start in range(0, len(images), KEPT_AT_ONCE):
            rows = range(start, min(start + KEPT_AT_ONCE, len(images)))
            file = kept / f"{start:09d}.npy"
            if not file.is_file():
                self._write(file, self._described(Chosen(images, rows), options))
                self._tell(f"teacher: {rows.stop} of {len(images)} images ({name})")
            parts.append(self._read(file, len(rows)))
        return np.concatenate(parts) if parts else np.empty((0, self.dim), np.float32)

    def _described(self, images: ImageList, options: LoaderOptions) -> DescriptorArray:
        prepared = DescribedImages([images], self._extractor.info.preprocessing)
        loader = BatchLoader(prepared, ShareSampler(len(images), options.evaluation_batch), options)
        return np.concatenate([self._extractor.infer(batch.numpy()) for batch, _ in loader])

    def _write(self, file: Path, described: DescriptorArray) -> None:
        with new_file(file, TrainingError) as part:
            np.save(part, described, allow_pickle=False)

    def _read(self, file: Path, rows: int) -> DescriptorArray:
        """Read answers that are on disk.

        Raises:
            TrainingError: damaged, or of other images.
        """
        try:
            kept: DescriptorArray = np.load(file, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise TrainingError(f"{file} cannot be read ({error})", "Remove it: the teacher is asked again") from error
        if kept.shape != (rows, self.dim) or kept.dtype != np.float32:
            raise TrainingError(
                f"{file} holds {kept.dtype} {kept.shape}, expected float32 {(rows, self.dim)}",
                "Remove it: the teacher is asked again",
            )
        return kept


def _opened(file: Path) -> Extractor:
    if file.suffix != ".onnx":
        return TorchExtractor.open(file)
    # not TensorRT: it takes over in the middle of a list, and its answers are slightly other ones
    providers = tuple(name for name in InferenceOptions().providers if name != TENSORRT)
    return open_extractor(file, InferenceOptions(providers=providers))


Teacher = SegTeacher | ImageTeacher


def open_teacher(file: Path, labels: LabelMaps | None, tell: Callable[[str], None]) -> Teacher:
    """Open the teacher: over label maps where *labels* are given, else over images.

    Raises:
        ConfigError: no such file, or a SEG branch without labels.
        ModelError, TrainingError: it cannot be read.
    """
    if not file.is_file():
        raise ConfigError(f"there is no teacher {file}", "Give a checkpoint, or an ONNX file that describes itself")
    if labels is not None:
        return SegTeacher(file, labels)
    teacher = ImageTeacher(file, tell)
    model = getattr(teacher._extractor, "model", None)
    if isinstance(model, PlaceModel) and getattr(model.backbone, "in_channels", 3) != 3:
        raise ConfigError(f"the teacher {file} looks at label maps", "Name `labels` below data.init_args")
    return teacher
