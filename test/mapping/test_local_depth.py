# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depths of a map's keypoints against a scene whose geometry is known, and what is said where there can be none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor
from textured_plane import CAMERA, MOUNT, PlaneSource, depth_m
from tiny_local_onnx import local_info, write_local_model

from vpr_ros.core.frames import CameraMount, FrameRecord, ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.inference import open_local_extractor
from vpr_ros.inference.local_extractor import OnnxLocalExtractor
from vpr_ros.mapping import build_map, local_depth
from vpr_ros.mapping.frame_views import FrameView, frame_views
from vpr_ros.mapping.local_depth import Residuals, session_depths
from vpr_ros.mapping.triangulate import Matches, mutual_nearest
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.local_codec import LocalLayout
from vpr_ros.maps.map_cameras import MapCameras
from vpr_ros.maps.map_warnings import intrinsics_warning, no_depth_warning

KEYPOINTS, DIM = 150, 32
TOO_FEW_TO_ASK = [0.1 * number for number in range(19)]
"""A map of so many frames does not ask itself, which takes longer than all else."""


@pytest.fixture(scope="module")
def local_model(tmp_path_factory: pytest.TempPathFactory) -> OnnxLocalExtractor:
    path = tmp_path_factory.mktemp("model") / "local.onnx"
    return open_local_extractor(write_local_model(path, local_info(120, 160, KEYPOINTS, DIM)))


def built(path: Path, local_model: OnnxLocalExtractor, source: PlaneSource) -> PlaceMap:
    build_map(source, PixelExtractor(), path, EVERY_FRAME, local_model=local_model)
    return PlaceMap.open(path)


@pytest.fixture(scope="module")
def plane_map(tmp_path_factory: pytest.TempPathFactory, local_model: OnnxLocalExtractor) -> PlaceMap:
    return built(tmp_path_factory.mktemp("plane") / "map", local_model, PlaneSource())


def errors(place_map: PlaceMap, index: int) -> np.ndarray:  # type: ignore[type-arg]
    """Relative, of the depths that are known."""
    assert place_map.local is not None
    found = place_map.local.files.features(index)
    known = np.isfinite(found.depth_m)
    truth = depth_m(place_map.pose(index).compose(MOUNT), found.keypoints_px[known])
    return np.abs(found.depth_m[known] / truth - 1.0)


def test_depths_are_those_of_the_scene(plane_map: PlaceMap) -> None:
    assert plane_map.local is not None
    entry = plane_map.local.entry
    assert entry.layout == LocalLayout(KEYPOINTS, DIM, 4) and entry.layout.bytes_per_frame < 16_000
    assert entry.share_with_depth > 0.4
    all_errors = np.concatenate([errors(plane_map, index) for index in range(len(plane_map))])
    assert len(all_errors) == entry.with_depth
    assert np.median(all_errors) < 0.02
    assert np.quantile(all_errors, 0.95) < 0.08
    assert entry.epipolar_px is not None and entry.epipolar_px < 0.6
    assert entry.reprojection_px is not None and entry.reprojection_px < 0.6
    assert not no_depth_warning(plane_map) and not intrinsics_warning(plane_map)
    plane_map.verify()


def test_stretches_of_frames_measure_what_one_after_the_other_does(
    plane_map: PlaceMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plane_map.local is not None
    cameras = MapCameras(plane_map.frames, plane_map.manifest.cameras)
    views, every = frame_views(plane_map.local.files, cameras), range(len(plane_map))
    found = []
    for stretch in (1000, 5):
        monkeypatch.setattr(local_depth, "STRETCH", stretch)
        measured = list(session_depths(every, every, views, cameras, Residuals()))
        assert [index for index, _ in measured] == [*every]
        found.append(np.concatenate([depths_m for _, depths_m in measured]))
    known = np.isfinite(found).all(axis=0)
    assert known.sum() > 0.9 * max(np.isfinite(depths_m).sum() for depths_m in found)
    apart = np.abs(found[0][known] / found[1][known] - 1.0)
    assert np.median(apart) < 0.001 and np.quantile(apart, 0.9) < 0.05, np.quantile(apart, (0.5, 0.9, 0.95))


def test_positions_lie_on_the_plane_and_project_to_their_keypoints(plane_map: PlaceMap) -> None:
    assert plane_map.local is not None
    found = plane_map.local.of(7)
    known = np.isfinite(found.position_m).all(axis=1)
    assert known.any() and not known.all()
    T_camera_map = plane_map.pose(7).compose(MOUNT).inverse()
    seen = CAMERA.project(T_camera_map.rotation.apply(found.position_m[known]) + T_camera_map.position_m)
    np.testing.assert_allclose(seen, found.keypoints_px[known], atol=0.01)
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.slow
def test_intrinsics_that_do_not_fit_are_told(tmp_path: Path, local_model: OnnxLocalExtractor) -> None:
    wrong = CameraMount("camera", "optical", MOUNT, replace(CAMERA, fx_px=170.0, fy_px=170.0, cx_px=95.0))
    place_map = built(tmp_path / "map", local_model, PlaneSource(TOO_FEW_TO_ASK, camera=wrong))
    assert "px (median) from where its poses and intrinsics say" in intrinsics_warning(place_map)


@pytest.mark.slow
def test_intrinsics_are_fitted_to_the_map_on_request(tmp_path: Path, local_model: OnnxLocalExtractor) -> None:
    given = replace(CAMERA, fx_px=145.0, fy_px=147.2, cx_px=76.0, distortion=())
    source = PlaneSource(TOO_FEW_TO_ASK, CameraMount("camera", "optical", MOUNT, given))
    config = replace(EVERY_FRAME, refine_intrinsics=True)
    build_map(source, PixelExtractor(), tmp_path / "map", config, local_model=local_model)
    refined = PlaceMap.open(tmp_path / "map")
    (camera,) = refined.manifest.cameras
    assert refined.local is not None and camera.intrinsics is not None
    assert refined.local.entry.given_intrinsics == {"camera": given}
    pixels = np.array([[10.0, 10.0], [150.0, 10.0], [80.0, 110.0], [40.0, 60.0]])
    assert np.abs(camera.intrinsics.unproject(pixels) - CAMERA.unproject(pixels)).max() < 0.05
    assert np.abs(given.unproject(pixels) - CAMERA.unproject(pixels)).max() > 0.08
    assert not intrinsics_warning(refined)
    assert np.median(np.concatenate([errors(refined, index) for index in range(19)])) < 0.05


class MixedSource(PlaneSource):
    """Some frames show nothing, some come twice as large, some are cut to another shape."""

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, record in enumerate(super().__iter__()):

            def load(number: int = number, record: FrameRecord = record) -> ImageRgb:
                image = record.load_image()
                if number % 5 == 0:
                    image[:] = 90
                    image[0, 0] = 95
                return image.repeat(2, 0).repeat(2, 1) if number % 3 else np.ascontiguousarray(image[:, :100])

            yield replace(record, load_image=load)


@pytest.mark.slow
def test_intrinsics_are_fitted_to_what_frames_of_their_shape_show(
    tmp_path: Path, local_model: OnnxLocalExtractor
) -> None:
    wrong = CameraMount("camera", "optical", MOUNT, replace(CAMERA, fx_px=145.0, fy_px=147.2))
    source = MixedSource(TOO_FEW_TO_ASK, wrong)
    config = replace(EVERY_FRAME, refine_intrinsics=True)
    build_map(source, PixelExtractor(), tmp_path / "map", config, local_model=local_model)
    camera = PlaceMap.open(tmp_path / "map").manifest.cameras[0].intrinsics
    assert camera is not None and abs(camera.fx_px - CAMERA.fx_px) < 2.0


def test_a_frame_without_features_has_no_matches() -> None:
    some, none = np.eye(3, 8, dtype=np.float32), np.empty((0, 8), np.float32)
    for one, other in ((some, none), (none, some), (none, none)):
        assert [len(rows) for rows in mutual_nearest(one, other)] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "said"),
    [
        (PlaneSource(TOO_FEW_TO_ASK, has_orientation=False), "orientations of its frames are unknown"),
        (PlaneSource(TOO_FEW_TO_ASK, CameraMount("camera", "", MOUNT)), "intrinsics of camera are unknown"),
        (
            PlaneSource(TOO_FEW_TO_ASK, CameraMount("camera", "", Pose((0.0, 0.0, 0.0), None), CAMERA)),
            "do not agree on a point",
        ),
        (PlaneSource([0.0] * 6), "do not agree on a point"),
        (PlaneSource([0.0]), "do not agree on a point"),
    ],
)
def test_without_poses_lens_or_parallax_there_is_no_depth_and_that_is_said(
    tmp_path: Path, local_model: OnnxLocalExtractor, source: PlaneSource, said: str
) -> None:
    place_map = built(tmp_path / "map", local_model, source)
    assert place_map.local is not None and place_map.local.entry.with_depth == 0
    assert said in no_depth_warning(place_map)
    assert np.isnan(place_map.local.of(0).position_m).all() and len(place_map.local.of(0)) > 10


@pytest.mark.slow
def test_a_jump_of_the_poses_makes_no_wrong_depth(tmp_path: Path, local_model: OnnxLocalExtractor) -> None:
    """Frames on both sides of it contradict each other: some depths are missing, few are wrong."""
    place_map = built(tmp_path / "map", local_model, PlaneSource(TOO_FEW_TO_ASK, drift_m=0.5))
    first = np.concatenate([errors(place_map, index) for index in range(10)])
    assert len(first) > 100 and np.mean(first < 0.1) > 0.8


@pytest.mark.slow
def test_a_second_session_gets_its_own_depths_and_leaves_the_first(
    tmp_path: Path, plane_map: PlaceMap, local_model: OnnxLocalExtractor
) -> None:
    folder = Path(shutil.copytree(plane_map.path, tmp_path / "map"))
    source = PlaneSource([0.05 + 0.1 * number for number in range(12)])
    build_map(source, PixelExtractor(), folder, EVERY_FRAME, append=True, local_model=local_model)
    both = PlaceMap.open(folder)
    both.verify()
    assert both.local is not None and plane_map.local is not None and len(both) == 32
    for index in range(20):
        before, after = plane_map.local.of(index), both.local.of(index)
        np.testing.assert_array_equal(before.position_m, after.position_m)
        np.testing.assert_array_equal(before.descriptors, after.descriptors)
    assert np.median(np.concatenate([errors(both, index) for index in range(20, 32)])) < 0.03


def test_matches_are_the_same_either_way_round() -> None:
    rng = np.random.default_rng(0)
    looks = [rng.standard_normal((count, 8)).astype(np.float32) for count in (40, 50)]
    none = np.empty((0, 3))
    one, other = (FrameView(none, none[:, 0], rows, np.eye(3), np.zeros(3), 1.0, 1.0) for rows in looks)
    matches = Matches()
    for here, there in ((one, other), (other, one), (one, other)):  # looked up the second time only
        mine, theirs = matches(here, there)
        expected = mutual_nearest(here.descriptors, there.descriptors)
        assert len(mine) > 5 and set(zip(mine, theirs, strict=True)) == set(zip(*expected, strict=True))
