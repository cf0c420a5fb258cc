# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A network that describes a whole image and finds its local features in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import ImageRgb, SizePx, size_px_of
from vpr_ros.core.local_features import LocalExtractor, LocalFeatures
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.model_info import DescriptorArray, Extractor


class JointExtractor(Extractor, Protocol):
    """An extractor that finds local features too, in the image as it is prepared for the descriptor."""

    @property
    def local_info(self) -> LocalInfo | None:
        """What the model says about them; None where it gives none."""

    @property
    def local_sha256(self) -> str:
        """By which maps know them."""

    def infer_both(
        self, batch: npt.NDArray[np.float32], sizes_px: Sequence[SizePx]
    ) -> tuple[DescriptorArray, tuple[LocalFeatures, ...]]:
        """Run the network once: (B, 3, H, W) float32 -> (B, D) rows of unit length, and B local features.

        Args:
            batch: what ``prepare`` made of B images.
            sizes_px: width and height of each.

        Raises:
            NoDescriptorError: the network has no descriptor for some of the images.
            ModelError: the runtime failed, or gave another shape.
        """

    def infer_local(self, batch: npt.NDArray[np.float32], sizes_px: Sequence[SizePx]) -> tuple[LocalFeatures, ...]:
        """The local features alone, whether the images have descriptors or not.

        Raises:
            ModelError: the runtime failed, or gave another shape.
        """


@dataclass(frozen=True, eq=False)
class LocalOutputs:
    """The local features of a network that gives both; satisfies ``core.local_info.LocalModel``.

    Attributes:
        network: gives them; whoever needs the descriptor too asks it for both, see ``in_one_run``.
        info: what the model says about them.
    """

    network: JointExtractor
    info: LocalInfo

    @property
    def sha256(self) -> str:
        """By which maps know them."""
        return self.network.local_sha256

    @property
    def provider(self) -> str:
        """What runs the model."""
        return self.network.provider

    def extract(self, image_rgb: ImageRgb) -> LocalFeatures:
        """Find the keypoints of one image, best first; none in an image without texture.

        Raises:
            ModelError: the runtime failed, or gave another shape.
        """
        return self.network.infer_local(self.network.prepare([image_rgb]), [size_px_of(image_rgb)])[0]


def in_one_run(extractor: Extractor, local: LocalExtractor | None) -> JointExtractor | None:
    """*extractor*, where one run of it gives what *local* gives; None where these are two networks."""
    if isinstance(local, LocalOutputs) and local.network is extractor:
        return local.network
    return None
