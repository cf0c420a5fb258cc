# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Does another session give the descriptors and keypoints the map was made of? Reduced precision may not, silently."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.joint import JointExtractor
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.model_info import DescriptorArray
from vpr_ros.core.preprocess import Preprocessing

MIN_COSINE = 0.999
"""Below this on any image, half precision is refused: of an engine here, of a file by ``export_model``."""
MIN_SAME_KEYPOINTS = 0.9
"""Share of the keypoints that both find, on any image: which are the last of the best M, rounding decides."""
SAME_PLACE_PX, SAME_COSINE = 1.0, 0.98
PROBES = 4
PATCHES = (9, 12)


def misfit(
    one: JointExtractor, other: JointExtractor, names: str, at_once: int = PROBES, min_cosine: float = MIN_COSINE
) -> str:
    """What two ways to run a model disagree about, "" where they agree; local features count where *one* gives some.

    Args:
        one, other: the two.
        names: what they are called in the sentence.
        at_once: how many of the four images a run is given.
        min_cosine: what descriptors must have.

    Raises:
        NoDescriptorError, ModelError: one of them fails.
    """
    seen = one.info.preprocessing
    probe = probe_batch(seen)
    runs = [probe[start : start + at_once] for start in range(0, len(probe), at_once)]
    cosine = min(lowest_cosine(one.infer(run), other.infer(run)) for run in runs)
    if not cosine >= min_cosine:
        return f"descriptors of {names} differ (cosine {cosine:.4f}, at least {min_cosine} is needed)"
    if one.local_info is None:
        return ""
    sizes_px = [(seen.width_px, seen.height_px)] * at_once
    share = min(
        same_keypoints(first, second)
        for run in runs
        for first, second in zip(one.infer_local(run, sizes_px), other.infer_local(run, sizes_px), strict=True)
    )
    if not share >= MIN_SAME_KEYPOINTS:
        return f"local features of {names} differ (share {share:.2f} are the same, {MIN_SAME_KEYPOINTS} are needed)"
    return ""


def same_keypoints(one: LocalFeatures, other: LocalFeatures) -> float:
    """Share, of the keypoints of whichever has more, that both have at one place with one descriptor; 0..1."""
    if not len(one) or not len(other):
        return float(len(one) == len(other))
    apart_px, numbers = KDTree(other.keypoints_px).query(one.keypoints_px)
    nearest = np.asarray(numbers)
    alike = np.sum(one.descriptors * other.descriptors[nearest], axis=1) >= SAME_COSINE
    found = np.unique(nearest[alike & (apart_px <= SAME_PLACE_PX)])
    return len(found) / max(len(one), len(other))


def probe_batch(preprocessing: Preprocessing) -> npt.NDArray[np.float32]:
    """(4, 3, H, W) float32: images of soft random patches under weak noise, prepared as a camera's would be."""
    return preprocessing.batch([_image(seed, preprocessing) for seed in range(PROBES)])


def lowest_cosine(one: DescriptorArray, other: DescriptorArray) -> float:
    """The least cosine between rows of two (B, D) sets of unit descriptors."""
    return float(np.sum(one * other, axis=1).min())


def _image(seed: int, preprocessing: Preprocessing) -> ImageRgb:
    rng = np.random.default_rng(seed)
    size = (preprocessing.width_px, preprocessing.height_px)
    patches = rng.integers(0, 256, (*PATCHES, 3)).astype(np.uint8)
    image = cv2.resize(patches, size, interpolation=cv2.INTER_CUBIC) + rng.normal(0.0, 4.0, (size[1], size[0], 1))
    return np.clip(image, 0, 255).astype(np.uint8)
