"""One image to one pose, on one screen."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.core.frames import Frame
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.pose import Pose
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.decide import decide, match_probabilities
from vpr_ros.localization.estimate import estimate_pose
from vpr_ros.localization.hooks import PlaceFilter, Verifier
from vpr_ros.localization.result import Localization, Match, PosePrior
from vpr_ros.localization.retrieve import retrieve
from vpr_ros.maps.place_map import PlaceMap

STAGES = ("prepare", "infer", "search", "decide")


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
            T_base_camera: mount of its camera; None takes the map's camera to have sat at the same place.
            prior: search only here.

        Raises:
            ModelError: the network failed.
        """
        calibration = self.place_map.manifest.calibration
        clock = [time.perf_counter()]
        batch = self.extractor.prepare([frame.image_rgb])
        clock.append(time.perf_counter())
        descriptor = self.extractor.infer(batch)
        clock.append(time.perf_counter())
        k = max(self.config.top_k, EVIDENCE_TOP_K)
        candidates = retrieve(self.place_map, descriptor, k, T_base_camera, prior)
        clock.append(time.perf_counter())
        if self._verifier is not None:
            candidates = self._verifier.verify(frame, candidates, self.place_map)
        if not len(candidates):
            return _nothing_found(frame, prior, clock)
        probabilities = match_probabilities(candidates, calibration)
        if self._filter is not None:
            probabilities = self._filter.update(frame.stamp_ns, candidates, probabilities)
        decision = decide(candidates, probabilities, self.config, calibration)
        estimate = estimate_pose(candidates, self.config, calibration)
        return Localization(
            stamp_ns=frame.stamp_ns,
            camera=frame.camera,
            accepted=decision.accepted,
            reason=decision.reason,
            T_map_base=estimate.T_map_base,
            covariance=estimate.covariance,
            probability=decision.probability,
            matches=self._matches(candidates, probabilities),
            timings_ms=_timings_ms(clock),
            orientation_known=estimate.orientation_known,
        )

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


def _nothing_found(frame: Frame, prior: PosePrior | None, clock: list[float]) -> Localization:
    where = "in the map" if prior is None else f"within {prior.radius_m:g} m of the prior"
    return Localization(
        stamp_ns=frame.stamp_ns,
        camera=frame.camera,
        accepted=False,
        reason=f"no candidate {where}",
        T_map_base=None,
        covariance=None,
        probability=0.0,
        matches=(),
        timings_ms=_timings_ms(clock),
        orientation_known=False,
    )


def _timings_ms(clock: list[float]) -> dict[str, float]:
    steps = np.diff([*clock, time.perf_counter()]) * 1e3
    return dict(zip(STAGES, steps.tolist(), strict=True))
