# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What an image costs without ROS: its network and search, and the verification of its candidates. No ROS."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import ImageRgb, size_px_of
from vpr_ros.core.joint import in_one_run
from vpr_ros.core.local_info import LocalModel
from vpr_ros.core.model_info import Extractor
from vpr_ros.inference import InferenceOptions, is_model, model_identity, open_extractor, open_local_model
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.localization import LocalizerConfig
from vpr_ros.localization.localizer import StageClock
from vpr_ros.localization.retrieve import retrieve
from vpr_ros.localization.verify import Verification, Verifier
from vpr_ros.maps import PlaceMap


@dataclass(frozen=True, eq=False)
class BareSearch:
    """Preprocess, network and exact search in one loop."""

    place_map: PlaceMap
    extractor: Extractor
    config: LocalizerConfig = field(default_factory=LocalizerConfig)

    def __call__(self, image_rgb: ImageRgb) -> dict[str, float]:
        """Answer one image; milliseconds of each stage, by the node's names."""
        clock = StageClock()
        batch = self.extractor.prepare([image_rgb])
        clock.ends("prepare")
        descriptor = self.extractor.infer(batch)
        clock.ends("infer")
        self.place_map.search(descriptor, self.config.top_k)
        return clock.ends("search")

    def report(self) -> dict[str, Any]:
        """There is nothing to say."""
        return {}


@dataclass(eq=False)
class BareVerification:
    """The same, local features, and the candidates verified.

    Attributes:
        place_map: has local features.
        extractor, local: see ``Localizer``.
        intrinsics: of the camera, None where unknown.
        config: of both sides.
        verify_ms: how long verification took of each image.
        found: what it found.
        features: how many keypoints each image has.
    """

    place_map: PlaceMap
    extractor: Extractor
    local: LocalModel
    intrinsics: CameraIntrinsics | None
    config: LocalizerConfig = field(default_factory=LocalizerConfig)
    verify_ms: list[float] = field(default_factory=list)
    found: list[Verification] = field(default_factory=list)
    features: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put the parts together."""
        assert self.place_map.local is not None
        self._verifier = Verifier(self.local, self.place_map.local, self.place_map, self.config)
        self._joint = in_one_run(self.extractor, self.local)

    def __call__(self, image_rgb: ImageRgb) -> dict[str, float]:
        """The same, and note what verification cost."""
        clock, size_px = StageClock(), size_px_of(image_rgb)
        batch = self.extractor.prepare([image_rgb])
        clock.ends("prepare")
        if self._joint is None:
            descriptor = self.extractor.infer(batch)
            clock.ends("infer")
            features = self.local.extract(image_rgb)
            clock.ends("local")
        else:
            descriptor, (features,) = self._joint.infer_both(batch, [size_px])
            clock.ends("infer")
        candidates = retrieve(self.place_map, descriptor, self.config.top_k, None, None)
        clock.ends("search")
        self.found.append(self._verifier.verify(features, size_px, candidates, self.intrinsics, None))
        timings_ms = clock.ends("verify")
        self.verify_ms.append(timings_ms["verify"])
        self.features.append(len(features))
        return timings_ms

    def report(self) -> dict[str, Any]:
        """What verification did and cost, as JSON can hold it."""
        compared = [sum(look is not None for look in each.geometry) for each in self.found]
        local = self.place_map.local
        assert local is not None
        return {
            "verify_ms": {"p50": float(np.median(self.verify_ms)), "p95": float(np.quantile(self.verify_ms, 0.95))},
            "candidates": float(np.median(compared)),
            "geometric_poses": float(np.mean([each.pose is not None for each in self.found])),
            "features": float(np.median(self.features)),
            "bytes_per_map_frame": local.entry.layout.bytes_per_frame,
        }


def open_models(
    model: Path | None, named: Path | None, how: InferenceOptions
) -> tuple[OnnxExtractor, LocalModel | None]:
    """What describes images (None: the shipped one), and what finds local features: *named*, or the first if it can."""
    with_local = named is None or is_model(named, model_identity(model))
    extractor = open_extractor(model, how, with_local=with_local)
    return extractor, open_local_model(extractor, named, how)


def measure_local_head(
    images: Sequence[ImageRgb], extractor: Extractor, local: LocalModel, alone: Extractor
) -> dict[str, float]:
    """Milliseconds (median) of the network for the descriptor alone and with local features, and the latter's share.

    Args:
        images: each is run both ways, in turns, after a first one that counts for neither.
        extractor, local: see ``Localizer``.
        alone: the model of *extractor*, opened for its descriptor.
    """
    joint = in_one_run(extractor, local)
    alone_ms, both_ms = [], []
    for image_rgb in (images[0], *images):
        batch = extractor.prepare([image_rgb])
        times_s = [time.perf_counter()]
        alone.infer(batch)
        times_s.append(time.perf_counter())
        if joint is None:
            alone.infer(batch)
            local.extract(image_rgb)
        else:
            joint.infer_both(batch, [size_px_of(image_rgb)])
        times_s.append(time.perf_counter())
        alone_s, both_s = np.diff(times_s).tolist()
        alone_ms.append(1e3 * alone_s)
        both_ms.append(1e3 * both_s)
    descriptor, both = float(np.median(alone_ms[1:])), float(np.median(both_ms[1:]))
    return {"descriptor_ms": descriptor, "with_local_ms": both, "local_share": 1.0 - descriptor / both}
