# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One image to one pose, on one screen."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.core.frames import Frame, SizePx, size_px_of
from vpr_ros.core.joint import in_one_run
from vpr_ros.core.local_features import LocalExtractor, LocalFeatureMap, LocalFeatures
from vpr_ros.core.model_info import DescriptorArray, Extractor
from vpr_ros.core.pose import Pose
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import NO_PROMISE, LocalizerConfig
from vpr_ros.localization.decide import Proof, Weighed, decide, weighed
from vpr_ros.localization.estimate import PoseEstimate, best_estimate
from vpr_ros.localization.place_filter import PlaceFilter
from vpr_ros.localization.proof import proof
from vpr_ros.localization.rejection import Jump, NoCandidate, Rejection
from vpr_ros.localization.result import Localization, Match, PosePrior, SequenceAnswer
from vpr_ros.localization.retrieve import retrieve
from vpr_ros.localization.verify import Verification, Verifier
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.promise import Promise, Vouched


class StageClock:
    """How long each stage takes, from one end to the next. Milliseconds."""

    def __init__(self) -> None:
        self._timings_ms: dict[str, float] = {}
        self._last_s = time.perf_counter()

    def ends(self, stage: str) -> dict[str, float]:
        """The stage that ends here; all durations so far."""
        now_s = time.perf_counter()
        self._timings_ms[stage] = (now_s - self._last_s) * 1e3
        self._last_s = now_s
        return self._timings_ms


class Judged(NamedTuple):
    """What becomes of the first candidate: why it may not be used, its pose, and how well it is proved."""

    rejection: Rejection | None
    estimate: PoseEstimate
    worth: float


class Localizer:
    """Finds the pose of an image in a map. No ROS, no state but the optional filter's."""

    def __init__(
        self,
        extractor: Extractor,
        place_map: PlaceMap,
        config: LocalizerConfig = LocalizerConfig(),  # noqa: B008 - frozen
        local_extractor: LocalExtractor | None = None,
        local_map: LocalFeatureMap | None = None,
        place_filter: PlaceFilter | None = None,
    ) -> None:
        """Put the parts together; candidates are verified where both *local_extractor* and *local_map* are given.

        ``promise`` is then what answers are judged by, None where ``min_probability`` alone decides.

        Raises:
            MapError: the map, or what it keeps of local features, was built with another model.
        """
        place_map.check_model(extractor.info, extractor.sha256)
        self.extractor = extractor
        self.place_map = place_map
        self.config = config
        self._verifier: Verifier | None = None
        if local_extractor is not None and local_map is not None and config.verify_candidates:
            self._verifier = Verifier(local_extractor, local_map, place_map, config)
        self._joint = in_one_run(extractor, local_extractor) if self.verifies else None
        self.place_filter = place_filter
        self.promise = self._promise()

    @property
    def verifies(self) -> bool:
        """Whether candidates are compared by local features, and intrinsics are of use."""
        return self._verifier is not None

    def _promise(self) -> Vouched | None:
        known, config = self.place_map.manifest.promise, self.config
        if known is None or not self.verifies or config.max_wrong_rate >= NO_PROMISE:
            return None
        return known.vouched(config.max_wrong_rate, config.max_wrong_rate_delta)

    def localize(
        self,
        frame: Frame,
        T_base_camera: Pose | None = None,
        prior: PosePrior | None = None,
        intrinsics: CameraIntrinsics | None = None,
    ) -> Localization:
        """Say where *frame* was taken, or that nobody knows.

        Args:
            frame: the image.
            T_base_camera: extrinsics of its camera; None takes the map's camera to have sat at the same place.
            prior: search only here.
            intrinsics: of its camera, for images of this size; None: unknown, and no pose comes from geometry.

        Raises:
            ModelError: a network failed.
            MapError: the map's local features cannot be read.
        """
        place_map, config, clock = self.place_map, self.config, StageClock()
        descriptor, features = self._describe(frame, clock)
        retrieved = retrieve(place_map, descriptor, max(config.top_k, EVIDENCE_TOP_K), T_base_camera, prior)
        clock.ends("search")
        if not len(retrieved):
            return _nothing_found(frame, NoCandidate(None if prior is None else prior.radius_m), clock)
        verification = self._verified(frame, features, retrieved, T_base_camera, intrinsics, clock)
        size_px, promise, sequence = size_px_of(frame.image_rgb), self.promise, None
        probabilities = self._weighed(verification).probabilities
        judged = self._judged(verification, probabilities, size_px, promise)
        if self.place_filter is not None:
            verification, probabilities, sequence = self._by_sequence(
                frame.stamp_ns, verification, probabilities, judged.rejection
            )
            promise = None if sequence.by_sequence else promise  # which is of single images
            judged = self._judged(verification, probabilities, size_px, promise)
        rejection, estimate = judged.rejection, judged.estimate
        if rejection is None and self.place_filter is not None:
            rejection = _jump(self.place_filter, estimate.T_map_base, float(probabilities[0]))
        return Localization(
            stamp_ns=frame.stamp_ns,
            camera=frame.camera,
            rejection=rejection,
            T_map_base=estimate.T_map_base,
            covariance=estimate.covariance,
            probability=float(probabilities[0]),
            matches=self._matches(verification, probabilities),
            timings_ms=clock.ends("decide"),
            orientation_known=estimate.orientation_known,
            geometric=estimate.geometric,
            sequence=sequence,
            proof=judged.worth,
            promise=promise,
        )

    def _weighed(self, verification: Verification) -> Weighed:
        manifest = self.place_map.manifest
        return weighed(verification, manifest.calibration, manifest.keypoint_calibration)

    def _judged(
        self,
        verification: Verification,
        probabilities: npt.NDArray[np.float64],
        size_px: SizePx,
        promise: Vouched | None,
    ) -> Judged:
        """The first candidate against the promise, or against the probability where there is none."""
        config, manifest = self.config, self.place_map.manifest
        evidence = self._weighed(verification)
        estimate = best_estimate(verification, config, manifest.calibration)
        unposed_worth = (manifest.promise or Promise()).unposed_worth
        worth = proof(verification, size_px, unposed_worth, is_geometric=estimate.geometric is not None)
        inliers = verification.geometry[0].inliers if verification.geometry[0] is not None else 0
        rejection = verification.refutation(config.min_inliers) or decide(
            float(probabilities[0]),
            evidence.best,
            config,
            manifest.calibration,
            evidence.keypoints,
            None if promise is None else Proof(inliers, worth, promise),
        )
        return Judged(rejection, estimate, worth)

    def _by_sequence(
        self,
        stamp_ns: int,
        verification: Verification,
        alone: npt.NDArray[np.float64],
        alone_rejection: Rejection | None,
    ) -> tuple[Verification, npt.NDArray[np.float64], SequenceAnswer]:
        """The candidates led by the one that all images so far speak for, and their probabilities by these."""
        assert self.place_filter is not None
        candidates = verification.candidates
        believed = self.place_filter.update(stamp_ns, candidates, alone)
        order = np.r_[believed.first, np.delete(np.arange(len(candidates)), believed.first)]
        sequence = SequenceAnswer(
            believed.hypotheses,
            believed.off_map,
            believed.by_sequence,
            believed.motion,
            int(candidates.indices[0]),
            float(alone[0]),
            alone_rejection,
        )
        return verification.led_by(believed.first), believed.probabilities[order], sequence

    def _describe(self, frame: Frame, clock: StageClock) -> tuple[DescriptorArray, LocalFeatures | None]:
        """With the local features where they come in the same run."""
        batch = self.extractor.prepare([frame.image_rgb])
        clock.ends("prepare")
        if self._joint is None:
            descriptor, features = self.extractor.infer(batch), None
        else:
            descriptor, (features,) = self._joint.infer_both(batch, [size_px_of(frame.image_rgb)])
        clock.ends("infer")
        return descriptor, features

    def _verified(
        self,
        frame: Frame,
        features: LocalFeatures | None,
        retrieved: Candidates,
        T_base_camera: Pose | None,
        intrinsics: CameraIntrinsics | None,
        clock: StageClock,
    ) -> Verification:
        if self._verifier is None:
            return Verification.none_of(retrieved)
        if features is None:
            features = self._verifier.features(frame.image_rgb)
            clock.ends("local")
        size_px = size_px_of(frame.image_rgb)
        verification = self._verifier.verify(features, size_px, retrieved, intrinsics, T_base_camera)
        clock.ends("verify")
        return verification

    def _matches(self, verification: Verification, probabilities: npt.NDArray[np.float64]) -> tuple[Match, ...]:
        frames, count, candidates = self.place_map.frames, self.config.top_k, verification.candidates
        columns = (candidates.indices, candidates.similarities, probabilities, verification.retrieved_rank)
        rows = zip(
            *(column[:count].tolist() for column in columns),
            candidates.poses(count),
            verification.geometry[:count],
            strict=True,
        )
        return tuple(
            Match(
                frame_index=index,
                similarity=similarity,
                probability=probability,
                T_map_base=T_map_base,
                name=frames.names[index],
                camera=frames.camera(index),
                retrieved_rank=rank,
                geometry=geometry,
            )
            for index, similarity, probability, rank, T_map_base, geometry in rows
        )


def _jump(place_filter: PlaceFilter, T_map_base: Pose, probability: float) -> Jump | None:
    found = place_filter.impossible(T_map_base)
    return None if found is None else Jump(found.distance_m, found.allowed_m, probability)


def _nothing_found(frame: Frame, rejection: Rejection, clock: StageClock) -> Localization:
    return Localization(
        stamp_ns=frame.stamp_ns,
        camera=frame.camera,
        rejection=rejection,
        T_map_base=None,
        covariance=None,
        probability=0.0,
        matches=(),
        timings_ms=clock.ends("decide"),
        orientation_known=False,
    )
