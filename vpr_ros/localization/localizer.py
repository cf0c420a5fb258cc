"""One image to one pose, on one screen."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K, Evidence, match_evidence
from vpr_ros.core.frames import Frame
from vpr_ros.core.model_info import DescriptorArray, Extractor
from vpr_ros.core.pose import Pose
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.decide import decide, match_probabilities
from vpr_ros.localization.estimate import estimate_pose
from vpr_ros.localization.hooks import PlaceFilter, Verifier
from vpr_ros.localization.rejection import NoCandidate, Refuted, Rejection
from vpr_ros.localization.result import Localization, Match, PosePrior
from vpr_ros.localization.retrieve import retrieve
from vpr_ros.maps.place_map import PlaceMap


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


class Localizer:
    """Finds the pose of an image in a map. No ROS, no state but the optional filter's."""

    def __init__(
        self,
        extractor: Extractor,
        place_map: PlaceMap,
        config: LocalizerConfig = LocalizerConfig(),  # noqa: B008 - frozen
        verifier: Verifier | None = None,
        place_filter: PlaceFilter | None = None,
    ) -> None:
        """Put the parts together.

        Raises:
            MapError: the map was built with another model.
        """
        place_map.check_model(extractor.info, extractor.sha256)
        self.extractor = extractor
        self.place_map = place_map
        self.config = config
        self._verifier = verifier
        self._filter = place_filter

    def localize(self, frame: Frame, T_base_camera: Pose | None = None, prior: PosePrior | None = None) -> Localization:
        """Say where *frame* was taken, or that nobody knows.

        Args:
            frame: the image.
            T_base_camera: extrinsics of its camera; None takes the map's camera to have sat at the same place.
            prior: search only here.

        Raises:
            ModelError: the network failed.
        """
        place_map, config, calibration = self.place_map, self.config, self.place_map.manifest.calibration
        clock = StageClock()
        descriptor = self._describe(frame, clock)
        retrieved = retrieve(place_map, descriptor, max(config.top_k, EVIDENCE_TOP_K), T_base_camera, prior)
        clock.ends("search")
        candidates = retrieved if self._verifier is None else self._verifier.verify(frame, retrieved, place_map)
        if not len(candidates):
            return _nothing_found(frame, _cause(retrieved, prior), clock)
        evidence = match_evidence(candidates.similarities, candidates.position_m, calibration.radius_m)
        probabilities = match_probabilities(evidence, len(candidates), calibration)
        if self._filter is not None:
            probabilities = self._filter.update(frame.stamp_ns, candidates, probabilities)
        rejection = decide(float(probabilities[0]), Evidence(*evidence[0].tolist()), config, calibration)
        estimate = estimate_pose(candidates, config, calibration)
        return Localization(
            stamp_ns=frame.stamp_ns,
            camera=frame.camera,
            rejection=rejection,
            T_map_base=estimate.T_map_base,
            covariance=estimate.covariance,
            probability=float(probabilities[0]),
            matches=self._matches(candidates, probabilities),
            timings_ms=clock.ends("decide"),
            orientation_known=estimate.orientation_known,
        )

    def _describe(self, frame: Frame, clock: StageClock) -> DescriptorArray:
        batch = self.extractor.prepare([frame.image_rgb])
        clock.ends("prepare")
        descriptor = self.extractor.infer(batch)
        clock.ends("infer")
        return descriptor

    def _matches(self, candidates: Candidates, probabilities: npt.NDArray[np.float64]) -> tuple[Match, ...]:
        frames, count = self.place_map.frames, self.config.top_k
        columns = (candidates.indices, candidates.similarities, probabilities)
        rows = zip(*(column[:count].tolist() for column in columns), candidates.poses(count), strict=True)
        return tuple(
            Match(
                frame_index=index,
                similarity=similarity,
                probability=probability,
                T_map_base=T_map_base,
                name=frames.names[index],
                camera=frames.camera(index),
            )
            for index, similarity, probability, T_map_base in rows
        )


def _cause(retrieved: Candidates, prior: PosePrior | None) -> Rejection:
    """Why nothing is left to be judged."""
    if len(retrieved):
        return Refuted(len(retrieved))
    return NoCandidate(None if prior is None else prior.radius_m)


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
