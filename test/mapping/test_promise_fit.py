# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map can promise, counted on the map's own frames."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor
from some_scene import AHEAD, PINHOLE, Scene, SceneCamera, SceneLocalFeatures, SceneSource, cloud

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import Frame, FrameRecord, ImageRgb
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.pose import Pose
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.localization import Localization, Localizer, LocalizerConfig, RejectionType
from vpr_ros.localization.rejection import Unproved
from vpr_ros.mapping import build_map
from vpr_ros.mapping.promise_fit import own_promise
from vpr_ros.mapping.second_look import mirrored_images
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.local_store import StoredFeatures
from vpr_ros.maps.promise import Promise, Vouched


class Modelled(SceneLocalFeatures):
    """As a model whose features a map can keep."""

    info = LocalInfo("scene", "1", Preprocessing(480, 640), 600, 32)


@pytest.fixture(scope="module")
def camera() -> SceneCamera:
    """A door, and the same one a hundred metres away."""
    points_m, far_m = cloud(150), np.add(cloud(150), (0.0, 100.0, 0.0))
    one = Scene.of(points_m)
    return SceneCamera((one, Scene(far_m, one.descriptors)))


@pytest.fixture(scope="module")
def two_doors(camera: SceneCamera, tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    poses = [Pose.from_rotation((0.0, along + 0.1 * step, 1.1), AHEAD) for along in (0.0, 100.0) for step in range(12)]
    path = tmp_path_factory.mktemp("doors") / "map"
    build_map(SceneSource(camera, poses), PixelExtractor(), path, EVERY_FRAME, local_model=Modelled(camera))
    return PlaceMap.open(path)


def test_a_build_asks_which_places_look_alike(two_doors: PlaceMap) -> None:
    """Each frame of one door gets as many inliers at the other one as at its own."""
    promise = two_doors.manifest.promise
    assert promise is not None and promise.source == "held_out"
    assert promise.left_out.answers == 24 and promise.left_out.reached_by(0.5) > 100
    assert promise.mirrored.answers == 24 and promise.mirrored.unproved_wrong == 24  # nothing there is symmetric
    assert own_promise(two_doors) == Promise(
        promise.left_out, unposed_worth=1.0
    )  # whom nobody shows an image is not asked mirrored


def test_frames_that_nobody_has_looked_at_are_not_asked(two_doors: PlaceMap, monkeypatch: pytest.MonkeyPatch) -> None:
    """That they prove nothing would make the map look safer than it is."""
    assert two_doors.local is not None
    files, all_of_it = two_doors.local.files, two_doors.local.files.features

    def half(index: int) -> StoredFeatures:
        kept = all_of_it(index)
        if index % 2:
            return kept
        none = {name: getattr(kept, name)[:0] for name in ("keypoints_px", "descriptors", "scores", "depth_m")}
        return StoredFeatures(**none, width_px=0, height_px=0)

    monkeypatch.setattr(files, "features", half)
    told: list[tuple[int, int]] = []
    left_out = own_promise(two_doors, progress=lambda *counts: told.append(counts)).left_out
    assert told == [(number, 24) for number in range(1, 25)]
    assert left_out.answers == 12 and left_out.reached_by(0.5) > 100


def test_what_looks_alike_is_not_published(two_doors: PlaceMap, camera: SceneCamera) -> None:
    promised, guessed = (asked(two_doors, camera, max_wrong_rate=rate) for rate in (0.01, 1.0))
    assert isinstance(promised.rejection, Unproved) and promised.rejection.type is RejectionType.UNPROVED
    assert promised.promise == promised.rejection.vouched
    assert promised.proof == promised.rejection.proof <= promised.rejection.vouched.least_proof
    assert guessed.promise is None and not isinstance(guessed.rejection, Unproved)


def test_where_nobody_compares_nothing_is_promised(two_doors: PlaceMap, camera: SceneCamera) -> None:
    assert two_doors.manifest.promise is not None
    assert Localizer(PixelExtractor(), two_doors).promise is None
    assert asked(two_doors, camera, verify_candidates=0).promise is None


def test_min_probability_stays_a_condition_where_somebody_set_it(two_doors: PlaceMap, camera: SceneCamera) -> None:
    loose = Vouched(0.01, 0.01, 50.0, "calibrated")
    for least, accepted in ((0.9, True), (1.0, False)):  # the default, and what no answer reaches
        localizer = localizer_of(two_doors, camera, min_probability=least)
        localizer.promise = loose
        assert answer(localizer, camera).accepted is accepted


def test_a_map_too_small_or_without_keypoints_is_not_asked(two_doors: PlaceMap) -> None:
    without = PlaceMap(two_doors.path, two_doors.manifest, two_doors.frames, two_doors.descriptors, None)
    assert own_promise(without) == Promise()


def test_mirrored_images_are_read_no_further_than_needed() -> None:
    def records() -> Iterator[FrameRecord]:
        for number in range(50):
            yield FrameRecord(number, "camera", str(number), None, partial(image, number))
        raise AssertionError("read too far")

    images = list(mirrored_images(records(), 50))
    assert len(images) == 29  # of 30 one does not decode
    assert [int(one[0, 0, 0]) for one in images[:2]] == [1, 1] and images[0].flags.c_contiguous


def image(number: int) -> ImageRgb:
    if number == 49:
        raise FrameDecodeError("cut off", "Record it again")
    return np.stack([np.arange(2, dtype=np.uint8)] * 2)[..., None].repeat(3, axis=2)


def localizer_of(place_map: PlaceMap, camera: SceneCamera, **config: float) -> Localizer:
    settings = LocalizerConfig(verify_time_ms=60_000.0, **config)  # type: ignore[arg-type]
    return Localizer(PixelExtractor(), place_map, settings, Modelled(camera), place_map.local)


def answer(localizer: Localizer, camera: SceneCamera) -> Localization:
    seen_from = Pose.from_rotation((0.1, 0.35, 1.1), AHEAD)
    return localizer.localize(Frame(camera.image(seen_from), 1, "camera", "query"), intrinsics=PINHOLE)


def asked(place_map: PlaceMap, camera: SceneCamera, **config: float) -> Localization:
    return answer(localizer_of(place_map, camera, **config), camera)
