# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""torchvision's DeepLabV3 and LR-ASPP from a file of their weights; nothing is downloaded, nothing unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils.data import get_worker_info
from torchvision.models import segmentation

from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.hashing import file_sha256, json_sha256
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models.checkpoint import load_strictly
from vpr_ros.models.convert import read_state_dict
from vpr_ros.training.labels.segmenter import ClassMap, check_finite, most_likely, nearest

SHORT_SIDE_PX: Final = 520
"""As torchvision's own weights were evaluated."""
_SIGNS: Final = (
    # (a tensor that only this network has, its constructor)
    ("classifier.low_classifier.weight", "lraspp_mobilenet_v3_large"),
    ("backbone.layer3.22.conv1.weight", "deeplabv3_resnet101"),
    ("backbone.layer3.5.conv1.weight", "deeplabv3_resnet50"),
    ("backbone.16.0.weight", "deeplabv3_mobilenet_v3_large"),
)
_CLASSES: Final = {"lraspp": "classifier.low_classifier.weight", "deeplabv3": "classifier.4.weight"}
_OF_DEEPLAB: Final = "classifier.0.convs.0.0.weight"


class TorchvisionSegmenter:
    """A network of ``torchvision.models.segmentation``; which one, and of how many classes, its tensors say.

    Args:
        path: ``.pth`` file with the state dict, as torchvision publishes and its training script writes it.
        short_side_px: the image's shorter side is brought to this.
        device: of torch, such as cpu or cuda; in a loader's worker process it is the CPU.

    Raises:
        TrainingError: no such file, unsafe, or no state dict; or one that does not fit its own network.
        ModelError: of a network that this is not.
    """

    def __init__(self, path: Path, short_side_px: int = SHORT_SIDE_PX, device: str = "cpu") -> None:
        tensors = {key.removeprefix("module."): value for key, value in read_state_dict(path).items()}
        self._name = _recognised(tensors, path)
        self.class_count = len(tensors[_CLASSES[self._name.partition("_")[0]]])
        self._path, self._short_side_px, self._device = path, short_side_px, device
        self._network = _network(self._name, self.class_count, any(key.startswith("aux_") for key in tensors))
        load_strictly(self._network, tensors, str(path))
        self._network.eval()

    @property
    def description(self) -> str:
        """The network's name and the file's."""
        return f"{self._name} of {self._path.name}"

    @cached_property
    def sha256(self) -> str:
        """Of the file and how it is used."""
        return json_sha256({"file": file_sha256(self._path), "short_side_px": self._short_side_px})

    @torch.inference_mode()
    def classes(self, image_rgb: ImageRgb) -> ClassMap:
        """See ``Segmenter.classes``."""
        height, width = image_rgb.shape[:2]
        scale = self._short_side_px / min(height, width)
        sized = Preprocessing(max(1, round(height * scale)), max(1, round(width * scale)))
        device = "cpu" if get_worker_info() is not None else self._device
        batch = torch.from_numpy(sized.batch([image_rgb])).to(device)
        logits = self._network.to(device)(batch)["out"][0].float().cpu().numpy()
        check_finite(logits, self.description)
        return nearest(most_likely(logits, (sized.height_px, sized.width_px)), (height, width))


def _recognised(tensors: Mapping[str, Tensor], path: Path) -> str:
    name = next((name for sign, name in _SIGNS if sign in tensors), None)
    deep = name is not None and name.startswith("deeplab")
    if name is None or (deep and not {_OF_DEEPLAB, _CLASSES["deeplabv3"]} <= set(tensors)):
        shown = ", ".join(list(tensors)[:4])
        raise ModelError(
            f"{path} holds {len(tensors)} tensors ({shown}, ...) of none of {', '.join(name for _, name in _SIGNS)}",
            "Export another network to ONNX and name it as an ONNX segmenter",
        )
    return name


def _network(name: str, classes: int, auxiliary: bool) -> Any:
    """A network without weights: both ``None`` keep torchvision from downloading any."""
    options: dict[str, Any] = {"weights": None, "weights_backbone": None, "num_classes": classes}
    if name.startswith("deeplab"):
        options["aux_loss"] = auxiliary
    return getattr(segmentation, name)(**options)
