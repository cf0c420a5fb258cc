# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A recipe's choice of label maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from vpr_ros.training.labels.grouping import read_grouping
from vpr_ros.training.labels.label_maps import LabelMaps
from vpr_ros.training.labels.onnx_segmenter import OnnxSegmenter
from vpr_ros.training.labels.own_labels import OwnLabels
from vpr_ros.training.labels.png_labels import PngLabels
from vpr_ros.training.labels.segmenter import read_class_names
from vpr_ros.training.labels.segmenter_labels import SegmenterLabels
from vpr_ros.training.labels.torchvision_segmenter import SHORT_SIDE_PX, TorchvisionSegmenter

CACHE = Path("runs/label_maps")
"""Where segmenters' maps are kept unless the recipe says otherwise."""


class LabelSource(ABC):
    """A recipe's choice of ``LabelMaps``. Wherever a grouping is named, it is a file or the name of a shipped one."""

    @abstractmethod
    def open(self) -> LabelMaps:
        """Open the network or the folder; no image is labelled yet.

        Raises:
            VprError: it is not there, or not as expected.
        """


@dataclass(frozen=True)
class FromImages(LabelSource):
    """Labels that the images bring along: simulated towns, and drives recorded with labels.

    Attributes:
        grouping: of the images' classes.
    """

    grouping: str = "towns"

    def open(self) -> OwnLabels:
        """See ``LabelSource.open``."""
        return OwnLabels(read_grouping(self.grouping))


@dataclass(frozen=True)
class FromPngs(LabelSource):
    """Label PNGs on disk; see ``PngLabels``.

    Attributes:
        labels: folder of the PNGs.
        images: folder that the images lie below in the same way.
        grouping: of the class numbers in the PNGs.
        suffix, shift, missing, stretch: see ``PngLabels``.
    """

    labels: Path
    images: Path
    grouping: str
    suffix: str = ".png"
    shift: int = 0
    missing: str | None = None
    stretch: bool = False

    def open(self) -> PngLabels:
        """See ``LabelSource.open``."""
        return PngLabels(
            Path(self.labels),
            Path(self.images),
            read_grouping(self.grouping),
            self.suffix,
            self.shift,
            self.missing,
            self.stretch,
        )


@dataclass(frozen=True)
class FromOnnx(LabelSource):
    """An ONNX segmentation network; see ``OnnxSegmenter``.

    Attributes:
        model: the file.
        grouping: of its classes.
        cache: folder of label maps; one may serve all segmenters.
        class_names: a file with the name of each class, where the network does not count as the grouping does.
        size_px, mean, std, bgr, output, device: see ``OnnxSegmenter``.
    """

    model: Path
    grouping: str
    cache: Path = CACHE
    class_names: Path | None = None
    size_px: tuple[int, int] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    bgr: bool = False
    output: str | None = None
    device: str = "cpu"

    def open(self) -> SegmenterLabels:
        """See ``LabelSource.open``."""
        segmenter = OnnxSegmenter(
            Path(self.model), self.size_px, self.mean, self.std, self.bgr, self.output, self.device
        )
        names = segmenter.class_names if self.class_names is None else read_class_names(Path(self.class_names))
        return SegmenterLabels(segmenter, read_grouping(self.grouping), Path(self.cache), names)


@dataclass(frozen=True)
class FromTorchvision(LabelSource):
    """torchvision's DeepLabV3 or LR-ASPP; see ``TorchvisionSegmenter``.

    Attributes:
        checkpoint: file of weights.
        grouping: of its classes; torchvision's own weights have those of Pascal VOC.
        cache, class_names: see ``FromOnnx``.
        short_side_px, device: see ``TorchvisionSegmenter``.
    """

    checkpoint: Path
    grouping: str = "voc"
    cache: Path = CACHE
    class_names: Path | None = None
    short_side_px: int = SHORT_SIDE_PX
    device: str = "cpu"

    def open(self) -> SegmenterLabels:
        """See ``LabelSource.open``."""
        segmenter = TorchvisionSegmenter(Path(self.checkpoint), self.short_side_px, self.device)
        names = () if self.class_names is None else read_class_names(Path(self.class_names))
        return SegmenterLabels(segmenter, read_grouping(self.grouping), Path(self.cache), names)
