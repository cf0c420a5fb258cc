# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The candidates looked at once more: do their keypoints fit one rigid scene, and from where is it seen?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import MapError, ModelError
from vpr_ros.core.evidence import GEOMETRIC_EVIDENCE_NAMES, GeometricEvidence
from vpr_ros.core.frames import ImageRgb, SizePx
from vpr_ros.core.local_features import LocalExtractor, LocalFeatureMap, LocalFeatures, MapFeatures
from vpr_ros.core.pose import Pose
from vpr_ros.core.pose_average import consistent_with_first
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.config import LocalizerConfig
from vpr_ros.localization.geometric_pose import FEWEST_INLIERS, GeometricPose, PointMatches, geometric_pose
from vpr_ros.localization.local_matching import KeypointMatches, mutual_matches
from vpr_ros.localization.match_geometry import MatchGeometry, Verdict, tells, verdict
from vpr_ros.localization.rejection import Refuted
from vpr_ros.localization.stuck_keypoints import StuckKeypoints
from vpr_ros.localization.two_view import PLANE, View, coverage, geometric_inliers
from vpr_ros.maps.place_map import PlaceMap

AT_ONCE: Final = 5
"""Candidates that are matched in one product; whether there is time for more is asked in between."""
KEPT_FRAMES: Final = 64
"""Of the map, as they were read last: 150 kB each with 500 keypoints of 64 numbers."""
INLIERS_WEIGHT: Final = 0.5
FEW_INLIERS: Final = 80.0
MANY_INLIERS: Final = 150
"""What inliers are worth beside the similarity in the order of the candidates, and beyond how many they say no more of
which neighbour is nearest. Chosen on eight sets of two cameras, two lights or two seasons: inliers alone lost up to ten
points of recall@1 where neighbours count as wrong."""
SHARE_FOR_LOOKING: Final = 0.7
"""Of the time allowed: what is left goes to the pose."""


@dataclass(frozen=True, eq=False)
class Verification:
    """The candidates in their new order, and what geometry says of them.

    Attributes:
        candidates: K of them: by similarity and, of those not refuted, inliers; the rest as
            retrieved.
        retrieved_rank: (K,) place of each in the order of similarity, from 0.
        geometry: (K,) None for those that were not looked at.
        pose: of the camera, where enough keypoints have a depth; None elsewhere.
        pose_sought: whether it was sought among them, so that None says that they do not agree.
        has_depths: whether enough keypoints have a depth.
        T_base_camera: the mount by which the pose of the base follows from it; None: the map's poses are those of its
            camera.
    """

    candidates: Candidates
    retrieved_rank: npt.NDArray[np.int64]
    geometry: tuple[MatchGeometry | None, ...]
    pose: GeometricPose | None = None
    pose_sought: bool = False
    has_depths: bool = False
    T_base_camera: Pose | None = None

    @classmethod
    def none_of(cls, retrieved: Candidates) -> Verification:
        """Nothing was looked at."""
        return cls(retrieved, np.arange(len(retrieved)), (None,) * len(retrieved))

    def led_by(self, number: int) -> Verification:
        """The same with another candidate first; a pose is of the place of the one before, and is let go of."""
        if not number:
            return self
        order = np.r_[number, np.delete(np.arange(len(self.candidates)), number)]
        geometry = tuple(self.geometry[old] for old in order)
        return Verification(self.candidates.taken(order), self.retrieved_rank[order], geometry)

    def refutation(self, min_inliers: int) -> Refuted | None:
        """Set where the best candidate was refuted and no other one verified."""
        looked_at = [found for found in self.geometry if found is not None]
        if not looked_at or self.geometry[0] is None or self.geometry[0].verdict is not Verdict.REFUTED:
            return None
        return Refuted(len(looked_at), max(found.inliers for found in looked_at), min_inliers)

    def probabilities(self, alone: npt.NDArray[np.float64], radius_m: float) -> npt.NDArray[np.float64]:
        """(K,) probability of each candidate by its own similarity -> that of the first is of its place.

        A verified candidate is often a neighbour of the one that looks most alike: both are right, or both wrong.
        """
        if not len(alone) or self.geometry[0] is None or self.geometry[0].verdict is not Verdict.VERIFIED:
            return alone
        position_m = self.candidates.position_m
        same_place = np.linalg.norm(position_m - position_m[0], axis=1) <= radius_m
        return np.concatenate([[alone[same_place].max()], alone[1:]])

    @property
    def evidence(self) -> npt.NDArray[np.float64]:
        """(K, 4) each row a ``GeometricEvidence``; all NaN where nobody looked, or one image shows too little.

        A pose counts for the first.
        """
        rows = np.full((len(self.geometry), len(GEOMETRIC_EVIDENCE_NAMES)), np.nan)
        for number, found in enumerate(self.geometry):
            if found is not None and found.tells:
                precision = self._precision if number == 0 else np.nan
                rows[number] = GeometricEvidence(np.log1p(found.inliers), found.share, found.coverage, precision)
        return rows

    @property
    def _precision(self) -> float:
        if self.pose is not None:
            return self.pose.precision
        return 0.0 if self.pose_sought else np.nan

    @property
    def standing(self) -> Candidates:
        """The candidates that geometry did not refute, or all where it refuted every one."""
        refuted = [found is not None and found.verdict is Verdict.REFUTED for found in self.geometry]
        if all(refuted) or not any(refuted):
            return self.candidates
        return self.candidates.taken(np.flatnonzero(~np.array(refuted)))


class Verifier:
    """Compares an image with its candidates by local features."""

    def __init__(
        self,
        extractor: LocalExtractor | None,
        local_map: LocalFeatureMap,
        place_map: PlaceMap,
        config: LocalizerConfig,
    ) -> None:
        """Put the parts together; without *extractor* only features that were found before are compared.

        Raises:
            MapError: the map's local features were found by another model.
        """
        if extractor is not None and extractor.sha256 != local_map.sha256:
            raise MapError(
                f"the local features of map {place_map.path} were found by the model {local_map.sha256[:16]}, "
                f"those of images by {extractor.sha256[:16]}",
                "Give the local model that the map was built with; or give the map features of this one, from the "
                "recording it was built from, with `build_map --add-local --overwrite`",
            )
        self._extractor = extractor
        self._local_map = local_map
        self._place_map = place_map
        self._config = config
        self._map_residual_px = _map_residual_px(place_map)
        keypoints = place_map.manifest.keypoint_calibration
        self._widening = 1.0 if keypoints is None else keypoints.pose_widening
        self._stuck = StuckKeypoints.of(local_map, place_map, config.min_local_cosine)
        self._lately: OrderedDict[int, tuple[MapFeatures, View]] = OrderedDict()

    def features(self, image_rgb: ImageRgb) -> LocalFeatures:
        """Find the keypoints of an image.

        Raises:
            ModelError: the network failed, or there is none.
        """
        if self._extractor is None:
            raise ModelError("keypoints are to be found without a local model", "Give the one the map was built with")
        return self._extractor.extract(image_rgb)

    def verify(
        self,
        features: LocalFeatures,
        size_px: SizePx,
        retrieved: Candidates,
        intrinsics: CameraIntrinsics | None,
        T_base_camera: Pose | None,
        least_for_pose: float = 0.0,
    ) -> Verification:
        """Look at the best candidates, as many as the time allows.

        Args:
            features: of the image.
            size_px: its width and height.
            retrieved: best first.
            intrinsics: of the camera, None where unknown; those for images of another size are unknown too.
            T_base_camera: its mount, None where unknown.
            least_for_pose: inliers of the best candidate from which on a pose is sought; it takes longer than the rest.

        Raises:
            MapError: the map's local features cannot be read.
        """
        ends_s = time.perf_counter() + self._config.verify_time_ms / 1e3
        if intrinsics is not None and (intrinsics.width_px, intrinsics.height_px) != size_px:
            intrinsics = None
        features = self._stuck.left_out(features, size_px)
        query = _view(features.keypoints_px, intrinsics, size_px)
        looked_at = tuple(self._looked_at(features, query, retrieved, ends_s))
        geometry = [look.geometry for look in looked_at] + [None] * (len(retrieved) - len(looked_at))
        order = _order(geometry, retrieved.similarities)
        candidates = retrieved.taken(order)
        verification = Verification(candidates, order, tuple(geometry[number] for number in order))
        best = verification.geometry[0] if len(order) else None
        if best is None or best.verdict is not Verdict.VERIFIED:
            return verification
        points = _together([looked_at[number].points for number in order[self._agreeing(verification)]])
        has_depths = points.keypoints_with_place >= FEWEST_INLIERS
        if intrinsics is None or best.inliers < least_for_pose or time.perf_counter() > ends_s:
            return replace(verification, has_depths=has_depths)
        return replace(
            verification,
            pose=geometric_pose(points, intrinsics, self._map_residual_px, self._widening),
            pose_sought=has_depths,
            has_depths=has_depths,
            T_base_camera=self._mount(int(candidates.indices[0]), T_base_camera),
        )

    def _looked_at(self, features: LocalFeatures, query: View, retrieved: Candidates, ends_s: float) -> Iterator[_Look]:
        """The first candidates, in their order, while there is time; the very first always.

        An answer that nobody looked at is judged by another probability than those before and after it.
        """
        config = self._config
        until_s = ends_s - (1.0 - SHARE_FOR_LOOKING) * config.verify_time_ms / 1e3
        indices = retrieved.indices[: min(config.verify_candidates, config.top_k)].tolist()
        for start in range(0, len(indices), AT_ONCE):
            if start and time.perf_counter() > until_s:
                return
            some = indices[start : start + AT_ONCE]
            mapped = [self._mapped(index) for index in some]
            pairs = mutual_matches(features, [of_the_map for of_the_map, _ in mapped], config.min_local_cosine)
            for number, ((of_the_map, view), found) in enumerate(zip(mapped, pairs, strict=True), start):
                if number and time.perf_counter() > until_s:
                    return
                yield self._look(of_the_map, view, found, query)

    def _mapped(self, index: int) -> tuple[MapFeatures, View]:
        """What the map knows of a frame; the last ones are kept, for the next image sees them again."""
        kept = self._lately.pop(index, None)
        if kept is None:
            mapped = self._local_map.of(index)
            kept = mapped, _view(mapped.keypoints_px, mapped.intrinsics, mapped.size_px)
        self._lately[index] = kept
        if len(self._lately) > KEPT_FRAMES:
            self._lately.popitem(last=False)
        return kept

    def _look(self, mapped: MapFeatures, view: View, pairs: KeypointMatches, query: View) -> _Look:
        here, there = query.taken(pairs.query), view.taken(pairs.mapped)
        inliers = geometric_inliers(here, there)
        features = min(len(query.pixels_px), len(mapped))
        seen = here.pixels_px[inliers]
        judged = verdict(len(seen), features, self._config.min_inliers)
        geometry = MatchGeometry(
            judged,
            len(pairs),
            coverage(seen, query.size_px),
            seen,
            there.pixels_px[inliers],
            there.size_px,
            tells(judged, features, self._config.min_inliers),
        )
        return _Look(geometry, PointMatches(pairs.query[inliers], seen, mapped.position_m[pairs.mapped[inliers]]))

    def _agreeing(self, verification: Verification) -> npt.NDArray[np.int64]:
        """Numbers of the verified candidates at the place of the first."""
        candidates, config = verification.candidates, self._config
        radius_m = config.pose_radius_m or self._place_map.manifest.calibration.radius_m
        here = consistent_with_first(candidates.position_m, candidates.quat_xyzw, radius_m, config.max_angle_rad)
        verified = [found is not None and found.verdict is Verdict.VERIFIED for found in verification.geometry]
        return np.flatnonzero(here & np.array(verified))

    def _mount(self, index: int, T_base_camera: Pose | None) -> Pose | None:
        """How the query's camera sits, in the frame whose poses the map keeps: see ``Verification``."""
        of_the_map = self._place_map.manifest.cameras[int(self._place_map.frames.camera_index[index])].T_base_camera
        if of_the_map is None or not of_the_map.has_orientation:
            return None
        known = T_base_camera is not None and T_base_camera.has_orientation
        return T_base_camera if known else of_the_map


@dataclass(frozen=True, eq=False)
class _Look:
    """What was found on one candidate.

    Attributes:
        geometry: what is told of it.
        points: the inliers, with their places where the map knows them.
    """

    geometry: MatchGeometry
    points: PointMatches


def _map_residual_px(place_map: PlaceMap) -> float | None:
    """Median misfit of the map's points in its own frames, for images 640 px long; None where it was not measured."""
    cameras = [mount.intrinsics for mount in place_map.manifest.cameras if mount.intrinsics is not None]
    local = place_map.manifest.local
    if local is None or local.reprojection_px is None or not cameras:
        return None
    return local.reprojection_px * PLANE / max(max(camera.width_px, camera.height_px) for camera in cameras)


def _view(pixels_px: npt.NDArray[np.float32], intrinsics: CameraIntrinsics | None, size_px: SizePx) -> View:
    pixels = pixels_px.astype(np.float64)
    bent = intrinsics is not None and intrinsics.has_distortion and len(pixels)
    plane = intrinsics.undistort(pixels) if intrinsics is not None and bent else pixels
    return View(pixels, plane, size_px)


def _order(geometry: Sequence[MatchGeometry | None], similarities: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """By similarity and inliers, those not compared by similarity alone, refuted ones last where another is proved.

    Inliers prove a place, but they tell neighbouring frames of it apart no better than the similarity does.
    """
    refuted = np.array([found is not None and found.verdict is Verdict.REFUTED for found in geometry], dtype=bool)
    proved = any(found is not None and found.verdict is Verdict.VERIFIED for found in geometry)
    inliers = np.array([0 if found is None else found.inliers for found in geometry]) * ~refuted
    worth = similarities + INLIERS_WEIGHT * np.log1p(np.minimum(inliers, MANY_INLIERS) / FEW_INLIERS)
    return np.lexsort((-worth, refuted & proved))


def _together(points: Sequence[PointMatches]) -> PointMatches:
    parts = zip(*((some.keypoint, some.pixels_px, some.position_m) for some in points), strict=True)
    return PointMatches(*(np.concatenate(part) for part in parts))
