# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images that bring their labels along: rendered ones, and recordings with a folder of label PNGs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import FrameRecord, ImageRgb
from vpr_ros.core.hashing import json_sha256
from vpr_ros.training.labels.grouping import GroupMap, LabelGroup, LabelGrouping

LabelledImage = tuple[ImageRgb, npt.NDArray[Any]]
"""(H, W, 3) uint8 and the class number of each pixel, (H, W) of an integer type."""


@dataclass(frozen=True, kw_only=True)
class LabelledRecord(FrameRecord):
    """A record whose image comes with its labels.

    Attributes:
        load_labelled: decodes or renders both at once; raises what ``load_image`` raises, and TrainingError.
    """

    load_labelled: Callable[[], LabelledImage] = field(repr=False)


class OwnLabels:
    """Label maps of images that bring their labels; ``LabelledImages`` asks the records for both at once.

    Args:
        grouping: of the classes the images are labelled with.
    """

    def __init__(self, grouping: LabelGrouping) -> None:
        self._grouping = grouping

    @property
    def groups(self) -> tuple[LabelGroup, ...]:
        """See ``LabelMaps.groups``."""
        return self._grouping.groups

    @property
    def sha256(self) -> str:
        """Of the grouping: an image's labels belong to the image."""
        return json_sha256({"labels": "own", "grouping": self._grouping.sha256})

    def of(self, name: str, image_rgb: ImageRgb) -> GroupMap:
        """Refuse: this image brought no labels, or was not loaded with them.

        Raises:
            TrainingError: always.
        """
        raise TrainingError(
            f"{name} of {image_rgb.shape[:2]} pixels brings no labels",
            "Record it with `vpr_ros simulate --labels`, give its drive a folder of labels, or name a segmenter",
        )

    def of_classes(self, name: str, image_rgb: ImageRgb, classes: npt.NDArray[Any]) -> GroupMap:
        """The groups of labels that came with an image.

        Raises:
            TrainingError: another size than the image's, or classes outside the grouping.
        """
        if classes.shape != image_rgb.shape[:2]:
            raise TrainingError(
                f"the labels of {name} are {classes.shape}, its image {image_rgb.shape[:2]} pixels",
                "Write label maps of the images' own size",
            )
        return self._grouping.groups_of(classes, f"the label map of {name}")
