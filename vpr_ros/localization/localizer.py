# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One image to one pose, on one screen."""

from __future__ import annotations

import time
from dataclasses import dataclass

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
        """The stage, or another part of it, that ends here; all durations so far."""
        now_s = time.perf_counter()
        self._timings_ms[stage] = self._timings_ms.get(stage, 0.0) + (now_s - self._last_s) * 1e3
        self._last_s = now_s
        return self._timings_ms


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
        known = place_map.manifest.promise or Promise()
        self.promise = self._vouched(known)
        self._unposed_worth, self._position_sigma = known.unposed_worth, place_map.manifest.position_sigma
        self.place_filter = place_filter

    @property
    def verifies(self) -> bool:
        """Whether candidates are compared by local features, and intrinsics are of use."""
        return self._verifier is not None

    def _vouched(self, known: Promise) -> Vouched | None:
        config = self.config
        if self.place_map.manifest.promise is None or not self.verifies or config.max_wrong_rate >= NO_PROMISE:
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
        place_map, config = self.place_map, self.config
        clock = StageClock()
        descriptor, features = self._describe(frame, clock)
        retrieved = retrieve(place_map, descriptor, max(config.top_k, EVIDENCE_TOP_K), T_base_camera, prior)
        clock.ends("search")
        if not len(retrieved):
            return _nothing_found(frame, NoCandidate(None if prior is None else prior.radius_m), clock)
        verification = self._verified(frame, features, retrieved, T_base_camera, intrinsics, clock)
        size_px = size_px_of(frame.image_rgb)
        found = self._found(verification, size_px)
        probabilities, sequence = place_map.manifest.stated_now(found.evidence.probabilities), None
        rejection = self._rejection(verification, found, probabilities)
        if self.place_filter is not None:
            clock.ends("decide")
            led, probabilities, sequence = self._by_sequence(frame, verification, probabilities, rejection)
            clock.ends("filter")
            if led is not verification:
                verification, found = led, self._found(led, size_px)
            rejection = self._rejection(verification, found, probabilities, by_sequence=sequence.by_sequence)
            rejection = rejection or _jump(self.place_filter, found.estimate, float(probabilities[0]))
        estimate = found.estimate
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
            proof=found.proof,
            promise=self.promise,
            sequence=sequence,
        )

    def _found(self, verification: Verification, size_px: SizePx) -> _Found:
        """What the image alone says of the first candidate."""
        manifest = self.place_map.manifest
        estimate = best_estimate(verification, self.config, manifest.calibration, self._position_sigma)
        return _Found(
            weighed(verification, manifest.calibration, manifest.keypoint_calibration),
            estimate,
            proof(verification, size_px, self._unposed_worth, estimate.geometric),
        )

    def _rejection(
        self,
        verification: Verification,
        found: _Found,
        probabilities: npt.NDArray[np.float64],
        *,
        by_sequence: bool = False,
    ) -> Rejection | None:
        """Why the first candidate may not be used, by the *probabilities* of all."""
        best = verification.geometry[0]
        inliers, posed = best.inliers if best is not None else 0, found.estimate.geometric is not None
        return verification.refutation(self.config.min_inliers) or decide(
            float(probabilities[0]),
            found.evidence.best,
            self.config,
            self.place_map.manifest.calibration,
            found.evidence.keypoints,
            None if self.promise is None else Proof(inliers, found.proof, self.promise, posed, by_sequence),
        )

    def _by_sequence(
        self,
        frame: Frame,
        verification: Verification,
        alone: npt.NDArray[np.float64],
        alone_rejection: Rejection | None,
    ) -> tuple[Verification, npt.NDArray[np.float64], SequenceAnswer]:
        """The candidates led by the one that all images so far speak for, and their probabilities by these."""
        assert self.place_filter is not None
        candidates = verification.candidates
        believed = self.place_filter.update(frame.stamp_ns, candidates, alone, frame.camera)
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
                name=frames.name(index),
                camera=frames.camera(index),
                retrieved_rank=rank,
                geometry=geometry,
            )
            for index, similarity, probability, rank, T_map_base, geometry in rows
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """What one image says of its first candidate: the evidence of all, the pose, and how well it is proved."""

    evidence: Weighed
    estimate: PoseEstimate
    proof: float


def _jump(place_filter: PlaceFilter, estimate: PoseEstimate, probability: float) -> Jump | None:
    found = place_filter.impossible(estimate.T_map_base)
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
