# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Candidates proved, refuted and made into a pose, in a real map of a world of points."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor
from scipy.spatial.transform import Rotation
from some_scene import AHEAD, PINHOLE, Scene, SceneCamera, SceneFeatureMap, SceneLocalFeatures, SceneSource, cloud

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import MapError
from vpr_ros.core.evidence import GeometricEvidence
from vpr_ros.core.frames import Frame
from vpr_ros.core.local_features import MapFeatures
from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization, Localizer, LocalizerConfig
from vpr_ros.localization.match_geometry import Verdict
from vpr_ros.localization.rejection import Refuted
from vpr_ros.localization.retrieve import retrieve
from vpr_ros.localization.verify import FEW_INLIERS, INLIERS_WEIGHT, MANY_INLIERS, Verification, Verifier
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap

FAR_M = 100.0
PER_PLACE = 8
CONFIG = LocalizerConfig(verify_time_ms=60_000.0, min_probability=0.0)
MOUNT = Pose.from_rotation((0.4, 0.1, 1.0), AHEAD)


def standing(along_m: float, across_m: float = 0.0, turn_rad: float = 0.0) -> Pose:
    """Of the camera's optical frame."""
    return Pose.from_rotation((across_m, along_m, 1.1), Rotation.from_euler("z", turn_rad) * AHEAD)


QUERY = standing(0.13, 0.25, 0.05)
POSES = [standing(where_m + 0.2 * step) for where_m in (0.0, FAR_M) for step in range(-PER_PLACE // 2, PER_PLACE // 2)]


@dataclass(frozen=True, eq=False)
class World:
    """A map and the camera that made it."""

    camera: SceneCamera
    place_map: PlaceMap

    def localizer(self, config: LocalizerConfig = CONFIG, *, with_depth: bool = True, **how: object) -> Localizer:
        extractor = SceneLocalFeatures(self.camera, **how)  # type: ignore[arg-type]
        local_map = SceneFeatureMap(self.camera, POSES, with_depth)
        return Localizer(PixelExtractor(), self.place_map, config, extractor, local_map)

    def frame(self, T_map_camera: Pose = QUERY, seen_at: Pose | None = None) -> Frame:
        return Frame(self.camera.image(T_map_camera, seen_at), 123, "camera", "query")


def world(folder: Path, mount: Pose | None = None) -> World:
    near = Scene.of(cloud(300))
    far = Scene.of(np.add(cloud(300, seed=5), (0.0, FAR_M, 0.0)), seed=5)
    camera = SceneCamera((near, far))
    build_map(SceneSource(camera, POSES, mount), PixelExtractor(), folder / "map", EVERY_FRAME)
    return World(camera, PlaceMap.open(folder / "map"))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory.mktemp("rig"), MOUNT)


def off(answer: Localization, truth: Pose) -> tuple[float, float]:
    """Metres and radians."""
    assert answer.T_map_base is not None
    return answer.T_map_base.distance_m(truth), answer.T_map_base.angle_rad(truth)


def test_keypoints_with_depth_give_the_pose_itself(here: World) -> None:
    answer = here.localizer().localize(here.frame(), intrinsics=PINHOLE)
    assert answer.accepted and answer.pose_source == "geometric" and answer.geometric is not None
    assert max(off(answer, QUERY)) < 0.02
    assert answer.inliers == answer.geometric.inliers > 80 and answer.geometric.coverage > 0.5
    assert answer.covariance is not None and np.linalg.eigvalsh(answer.covariance).min() > 0
    assert np.sqrt(answer.covariance[0, 0]) < 0.2 and answer.geometric.deviation_m < 0.02
    plain = Localizer(PixelExtractor(), here.place_map, CONFIG).localize(here.frame())
    assert answer.probability == pytest.approx(plain.probability)  # of the same place
    best = answer.matches[0]
    assert best.geometry is not None and best.geometry.verdict is Verdict.VERIFIED
    assert best.inliers > 50 and best.geometry.share > 0.8 and best.geometry.coverage > 0.5
    assert list(answer.timings_ms) == ["prepare", "infer", "search", "local", "verify", "decide"]


def test_without_local_features_nothing_is_compared(here: World) -> None:
    answer = Localizer(PixelExtractor(), here.place_map, CONFIG).localize(here.frame(), intrinsics=PINHOLE)
    assert answer.pose_source == "retrieved" and answer.inliers == 0 and not answer.was_compared
    assert min(off(answer, QUERY)) > 0.02
    none = here.localizer(replace(CONFIG, verify_candidates=0)).localize(here.frame(), intrinsics=PINHOLE)
    assert none.T_map_base == answer.T_map_base and (none.covariance == answer.covariance).all()  # type: ignore[union-attr]
    assert none.timings_ms.keys() == answer.timings_ms.keys() == {"prepare", "infer", "search", "decide"}


def test_the_same_image_gives_the_same_answer(here: World) -> None:
    first, again = (here.localizer().localize(here.frame(), intrinsics=PINHOLE) for _ in range(2))
    assert first.T_map_base == again.T_map_base and (first.covariance == again.covariance).all()  # type: ignore[union-attr]
    assert [match.inliers for match in first.matches] == [match.inliers for match in again.matches]


def test_the_base_follows_from_the_mounts(rig: World) -> None:
    same = rig.localizer().localize(rig.frame(), intrinsics=PINHOLE)
    assert max(off(same, QUERY.compose(MOUNT.inverse()))) < 0.02
    other = Pose.from_rotation((-0.3, 0.2, 1.4), Rotation.from_euler("z", 2.0) * AHEAD)
    turned = rig.localizer().localize(rig.frame(), T_base_camera=other, intrinsics=PINHOLE)
    assert turned.pose_source == "geometric"
    assert max(off(turned, QUERY.compose(other.inverse()))) < 0.03


def test_a_map_of_camera_poses_answers_with_camera_poses(here: World) -> None:
    answer = here.localizer().localize(here.frame(), T_base_camera=MOUNT, intrinsics=PINHOLE)
    assert answer.pose_source == "geometric" and max(off(answer, QUERY)) < 0.02


@pytest.mark.parametrize("intrinsics", [None, PINHOLE.scaled(320, 240)])
def test_without_intrinsics_of_the_image_the_match_is_proved_and_the_pose_retrieved(
    here: World, intrinsics: None
) -> None:
    answer = here.localizer().localize(here.frame(), intrinsics=intrinsics)
    assert answer.pose_source == "retrieved" and answer.geometric is None
    assert answer.inliers == answer.matches[0].inliers > 50
    assert answer.covariance is not None and np.sqrt(answer.covariance[0, 0]) > 0.1


def test_without_depth_the_pose_is_retrieved(here: World) -> None:
    answer = here.localizer(with_depth=False).localize(here.frame(), intrinsics=PINHOLE)
    assert answer.pose_source == "retrieved" and answer.inliers > 50


def test_what_geometry_proves_comes_first(here: World) -> None:
    """The picture looks like the far place, its keypoints are those of the near one."""
    frame = here.frame(standing(FAR_M + 0.1), seen_at=QUERY)
    plain = Localizer(PixelExtractor(), here.place_map, CONFIG).localize(frame)
    assert plain.matches[0].frame_index >= PER_PLACE
    answer = here.localizer(replace(CONFIG, verify_candidates=20)).localize(frame, intrinsics=PINHOLE)
    assert max(off(answer, QUERY)) < 0.02
    proved = [match for match in answer.matches if match.geometry and match.geometry.verdict is Verdict.VERIFIED]
    of_inliers = [INLIERS_WEIGHT * np.log1p(min(match.inliers, MANY_INLIERS) / FEW_INLIERS) for match in proved]
    worth = [match.similarity + more for match, more in zip(proved, of_inliers, strict=True)]
    assert worth == sorted(worth, reverse=True) and len(proved) > PER_PLACE / 2
    assert answer.matches[0].frame_index < PER_PLACE and answer.matches[0].retrieved_rank > 0
    by_similarity = sorted(answer.matches, key=lambda match: match.retrieved_rank)
    assert [match.frame_index for match in by_similarity] == [match.frame_index for match in plain.matches]
    # Nothing is promised that the map's calibration does not know of: this one knows nothing of keypoints.
    assert answer.probability == answer.matches[0].probability < plain.probability
    refuted = [match for match in answer.matches if match.geometry and match.geometry.verdict is Verdict.REFUTED]
    assert {match.frame_index for match in refuted} == set(range(PER_PLACE, 2 * PER_PLACE))


def test_a_look_alike_is_refuted_unless_that_is_off(here: World) -> None:
    frame = here.frame(QUERY, seen_at=standing(50.0))
    elsewhere = World(SceneCamera((Scene.of(np.add(cloud(seed=8), (0.0, 50.0, 0.0)), seed=8),) * 2), here.place_map)
    extractor = SceneLocalFeatures(elsewhere.camera)
    local_map = SceneFeatureMap(here.camera, POSES)
    answer = Localizer(PixelExtractor(), here.place_map, CONFIG, extractor, local_map).localize(frame)
    assert isinstance(answer.rejection, Refuted) and answer.rejection.candidates == 10
    assert answer.rejection.inliers < answer.rejection.min_inliers == 15
    assert answer.T_map_base is not None and answer.matches[0].retrieved_rank == 0  # a guess, for reports
    off = replace(CONFIG, min_inliers=0)
    assert Localizer(PixelExtractor(), here.place_map, off, extractor, local_map).localize(frame).accepted


def test_few_keypoints_refute_nothing(here: World) -> None:
    elsewhere = SceneCamera((Scene.of(cloud(seed=8), seed=8),) * 2)
    extractor = SceneLocalFeatures(elsewhere, most=99)
    local_map = SceneFeatureMap(here.camera, POSES)
    answer = Localizer(PixelExtractor(), here.place_map, CONFIG, extractor, local_map).localize(here.frame())
    assert answer.accepted and answer.inliers == 0
    assert answer.matches[0].geometry is not None and answer.matches[0].geometry.verdict is Verdict.UNDECIDED
    none = here.localizer(most=0).localize(here.frame(), intrinsics=PINHOLE)
    assert none.accepted and none.pose_source == "retrieved"


def test_a_mirrored_picture_is_refuted(here: World) -> None:
    answer = here.localizer(is_mirrored=True).localize(here.frame(), intrinsics=PINHOLE)
    # 0 inliers with OpenCV 4.10, 11 of one candidate with the 4.5.4 of Ubuntu 22.04: too few either way
    assert isinstance(answer.rejection, Refuted) and answer.proof == 0.0


def test_over_the_time_fewer_candidates_are_compared(here: World) -> None:
    quick = here.localizer(replace(CONFIG, verify_time_ms=1.0)).localize(here.frame(), intrinsics=PINHOLE)
    assert 1 <= sum(match.geometry is not None for match in quick.matches) < 10
    assert quick.T_map_base is not None and quick.accepted
    patient = here.localizer().localize(here.frame(), intrinsics=PINHOLE)
    assert sum(match.geometry is not None for match in patient.matches) == 10


def test_map_images_of_another_size_than_their_calibration_are_seen_by_their_own(here: World) -> None:
    """A folder may mix sizes: the map scales the calibration, or knows none for another shape."""
    half = SceneCamera(here.camera.scenes, replace(PINHOLE.scaled(320, 240), distortion=(-0.3, 0.1, 0.0, 0.0)))
    extractor, local_map = SceneLocalFeatures(here.camera), SceneFeatureMap(half, POSES)
    answer = Localizer(PixelExtractor(), here.place_map, CONFIG, extractor, local_map).localize(
        here.frame(), intrinsics=PINHOLE
    )
    assert answer.pose_source == "geometric" and max(off(answer, QUERY)) < 0.02
    best = answer.matches[0].geometry
    assert best is not None and best.mapped_size_px == (320, 240) and best.share > 0.8


def test_one_candidate_is_enough(here: World) -> None:
    answer = here.localizer(replace(CONFIG, top_k=1)).localize(here.frame(), intrinsics=PINHOLE)
    assert len(answer.matches) == 1 and max(off(answer, QUERY)) < 0.03


def test_features_of_another_model_are_refused(here: World) -> None:
    with pytest.raises(MapError, match="were found by the model"):
        here.localizer(sha256="another")


class PointsElsewhere(SceneFeatureMap):
    """Its keypoints are where they should be, and their places anybody's."""

    def of(self, index: int) -> MapFeatures:
        """See ``LocalFeatureMap``."""
        found = super().of(index)
        shuffled = np.random.default_rng(0).permutation(found.position_m)
        return replace(found, position_m=shuffled)


def evidence_of(
    here: World, local_map: SceneFeatureMap, most: int = 1000, intrinsics: CameraIntrinsics | None = None
) -> tuple[Verification, npt.NDArray[np.float64]]:
    extractor = SceneLocalFeatures(here.camera, most=most)
    image_rgb = here.camera.image(QUERY)
    retrieved = retrieve(here.place_map, PixelExtractor().describe(image_rgb), 16, None, None)
    verifier = Verifier(extractor, local_map, here.place_map, CONFIG)
    found = verifier.verify(verifier.features(image_rgb), (640, 480), retrieved, intrinsics, None)
    return found, found.evidence


def test_what_keypoints_say_is_a_row_for_each_candidate_compared(here: World) -> None:
    found, rows = evidence_of(here, SceneFeatureMap(here.camera, POSES), intrinsics=PINHOLE)
    best = found.geometry[0]
    assert best is not None and found.pose is not None and found.pose_sought
    expected = (np.log1p(best.inliers), best.share, best.coverage, found.pose.precision)
    np.testing.assert_allclose(rows[0], GeometricEvidence(*expected))
    assert 2.0 < found.pose.precision < 4.0  # a hundredth of the distance or better
    compared = np.isfinite(rows[:, :3]).all(axis=1)
    assert compared.sum() == 10 and np.isnan(rows[~compared]).all() and np.isnan(rows[1:, 3]).all()


def test_a_pose_that_is_not_found_is_told_from_one_that_nobody_could_seek(here: World) -> None:
    found, rows = evidence_of(here, PointsElsewhere(here.camera, POSES), intrinsics=PINHOLE)
    assert found.pose is None and found.pose_sought and rows[0, 3] == 0.0
    for with_depth, intrinsics in ((True, None), (False, PINHOLE)):
        found, rows = evidence_of(here, SceneFeatureMap(here.camera, POSES, with_depth), intrinsics=intrinsics)
        assert found.pose is None and not found.pose_sought and np.isnan(rows[0, 3]) and np.isfinite(rows[0, :3]).all()


def test_few_keypoints_with_few_inliers_say_nothing(here: World) -> None:
    found, rows = evidence_of(here, SceneFeatureMap(here.camera, POSES), most=30)
    best = found.geometry[0]
    assert best is not None and 0 < best.inliers < 40 and best.verdict is Verdict.UNDECIDED
    assert np.isnan(rows).all()
