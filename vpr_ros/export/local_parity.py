# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Do an exported model and the torch model find the same local features?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vpr_ros.core.errors import ExportError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.local_features import Float32
from vpr_ros.export.images import ImageFolder
from vpr_ros.export.parity import BATCH
from vpr_ros.inference.local_extractor import LocalSession
from vpr_ros.models.place_model import PlaceModel

NEAR_PX = 0.5
"""Two keypoints this near, in pixels of the network's input, are the same one."""
FEWEST_FOUND = {"fp32": 0.98, "fp16": 0.9, "int8": 0.5}
"""Share of the better half of torch's keypoints that an export has to find; below this it is refused. The weaker half
is left alone: where the best M end is a matter of the last digits."""
LEAST_COSINE = {"fp32": 0.999, "fp16": 0.99, "int8": 0.5}
"""Of the descriptors of the same keypoint, on average over an image. What int8 costs is for its user to judge."""

Features = tuple[Float32, Float32, Float32]
"""Keypoints (M, 2), descriptors (M, C) and scores (M,) of one image."""
FindFeatures = Callable[[Sequence[ImageRgb]], list[Features]]


@dataclass(frozen=True)
class LocalParity:
    """Agreement of local features with the torch model.

    Attributes:
        keypoints: per image.
        found_min, found_mean: share of the better half of torch's keypoints that the export has too; over the images.
        cosine_min, cosine_mean: of their descriptors, averaged over each image; over the images.
    """

    keypoints: int
    found_min: float
    found_mean: float
    cosine_min: float
    cosine_mean: float


def torch_features(model: PlaceModel, batch_of: Callable[[Sequence[ImageRgb]], Float32]) -> FindFeatures:
    """Find features with the torch network; *batch_of* is the one preprocessing."""

    def find(images: Sequence[ImageRgb]) -> list[Features]:
        with torch.no_grad():
            chosen = model.with_keypoints(torch.from_numpy(batch_of(images)))[1]
        return list(zip(*(tensor.numpy() for tensor in chosen), strict=True))

    return find


def session_features(session: LocalSession) -> FindFeatures:
    """Find features as the robot does, one image at a time."""

    def find(images: Sequence[ImageRgb]) -> list[Features]:
        runs = (session.run(session.info.preprocessing.batch([image])) for image in images)
        return [(found[0][0], found[1][0], found[2][0]) for found in runs]

    return find


def measure_local(reference: FindFeatures, exported: FindFeatures, images: ImageFolder) -> LocalParity:
    """Compare two ways to find features in the same images."""
    pairs = [
        _agreement(*of_one)
        for batch in images.batches(BATCH)
        for of_one in zip(reference(batch), exported(batch), strict=True)
    ]
    found, cosine = np.array([(one[0], one[1]) for one in pairs]).T
    keypoints = max(one[2] for one in pairs)
    return LocalParity(keypoints, float(found.min()), float(found.mean()), float(cosine.min()), float(cosine.mean()))


def check_local(parity: LocalParity, precision: str) -> None:
    """Refuse an export whose local features are others.

    Raises:
        ExportError: with what was measured and what is needed.
    """
    found, cosine = FEWEST_FOUND[precision], LEAST_COSINE[precision]
    if not (parity.found_min >= found and parity.cosine_min >= cosine):  # NaN must not pass
        raise ExportError(
            f"the {precision} export does not find the local features of the torch model: {100 * parity.found_min:.1f} "
            f"% of its keypoints and cosine {parity.cosine_min:.4f} at worst, needed {100 * found:.0f} % and {cosine}",
            "Nothing was written; export in a higher precision, or report the operation that differs",
        )


def _agreement(reference: Features, exported: Features) -> tuple[float, float, int]:
    """Share of the better half found again, mean cosine of their descriptors, keypoints of the image."""
    usable = reference[2] > 0
    better = np.flatnonzero(usable)[: max(1, int(usable.sum()) // 2)]
    if not len(better):
        return 1.0, 1.0, 0
    distance_px = np.linalg.norm(reference[0][better, None] - exported[0][None], axis=2)
    same = distance_px.argmin(axis=1)
    near = distance_px.min(axis=1) <= NEAR_PX
    cosine = (reference[1][better] * exported[1][same]).sum(axis=1)[near]
    return float(near.mean()), float(cosine.mean()) if near.any() else float("nan"), int(usable.sum())
