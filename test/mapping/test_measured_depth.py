# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depth images give keypoints their depths, where they are registered and no edge is near; matches give the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor
from textured_plane import HEIGHT, MOUNT, WIDTH, PlaneSource
from textured_plane import depth_m as true_depth_m
from tiny_local_onnx import local_info, write_local_model

from vpr_ros.cli import build_map as command
from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import DepthImage, FrameRecord
from vpr_ros.core.pose import Pose
from vpr_ros.inference import open_local_extractor
from vpr_ros.inference.local_extractor import OnnxLocalExtractor
from vpr_ros.mapping import build_map
from vpr_ros.mapping.measured_depth import depths_at
from vpr_ros.maps import PlaceMap

NAN = np.float32(np.nan)


def flat(metres: float = 2.0, height: int = 12, width: int = 16) -> DepthImage:
    return np.full((height, width), metres, np.float32)


def test_the_nearest_known_depth_is_read() -> None:
    depth_m = flat()
    depth_m[5, 7], depth_m[5, 8] = NAN, 2.02
    found = depths_at(depth_m, [(7.2, 5.0), (3.0, 3.0), (0.0, 0.0), (15.4, 11.4)], 16, 12)
    np.testing.assert_allclose(found, [2.02, 2.0, 2.0, 2.0], rtol=1e-6)


def test_a_larger_image_is_scaled_by_its_pixels_edges() -> None:
    depth_m = np.repeat(1.0 + 0.01 * np.arange(16, dtype=np.float32)[None], 12, axis=0)
    found = depths_at(depth_m, [(15.5, 11.5), (16.5, 11.5)], 32, 24)  # 7.5 and 8.0 of the depth image
    assert found[1] == pytest.approx(1.08) and found[0] in (pytest.approx(1.07), pytest.approx(1.08))


def test_edges_their_shadows_and_holes_give_none() -> None:
    step, shadow, hole = flat(), flat(), flat()
    step[:, 8:] = 2.2
    shadow[:, 6:] = NAN
    hole[:] = NAN
    assert np.isnan(depths_at(step, [(7.0, 5.0), (9.0, 5.0)], 16, 12)).all()
    assert np.isfinite(depths_at(step, [(4.0, 5.0), (12.0, 5.0)], 16, 12)).all()
    assert np.isnan(depths_at(shadow, [(6.0, 5.0)], 16, 12)).all()
    assert np.isnan(depths_at(hole, [(6.0, 5.0)], 16, 12)).all()
    assert depths_at(flat(), np.empty((0, 2)), 16, 12).shape == (0,)


@dataclass
class DepthSource(PlaneSource):
    """The plane with depth images, *scale* times as far as it is, of *shape*; the one of frame *broken* is none."""

    scale: float = 1.0
    height: int = HEIGHT
    width: int = WIDTH
    broken: int = -1

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, record in enumerate(super().__iter__()):
            yield replace(record, load_depth_m=self._loader(number, record.T_map_base))

    def _loader(self, number: int, T_map_base: Pose | None) -> Callable[[], DepthImage]:
        def load() -> DepthImage:
            if number == self.broken:
                raise FrameDecodeError("a depth image is torn", "Leave it out")
            assert T_map_base is not None
            x, y = np.meshgrid(np.arange(self.width), np.arange(self.height))
            far_m = true_depth_m(T_map_base.compose(MOUNT), np.stack([x.ravel(), y.ravel()], axis=1))
            return (self.scale * far_m).reshape(self.height, self.width).astype(np.float32)

        return load


@pytest.fixture(scope="module")
def corners(tmp_path_factory: pytest.TempPathFactory) -> OnnxLocalExtractor:
    path = tmp_path_factory.mktemp("model") / "local.onnx"
    return open_local_extractor(write_local_model(path, local_info(HEIGHT, WIDTH, 150, 32)))


def built(path: Path, source: PlaneSource, corners: OnnxLocalExtractor) -> PlaceMap:
    build_map(source, PixelExtractor(), path, EVERY_FRAME, local_model=corners)
    return PlaceMap.open(path)


ALONG_M = [0.1 * number for number in range(7)]


@pytest.mark.slow
def test_a_map_takes_them_before_its_own(
    tmp_path: Path, corners: OnnxLocalExtractor, caplog: pytest.LogCaptureFixture
) -> None:
    place_map = built(tmp_path / "map", DepthSource(ALONG_M, broken=3), corners)
    place_map.verify()
    assert place_map.local is not None
    for index in range(len(ALONG_M)):
        found = place_map.local.files.features(index)
        known = np.isfinite(found.depth_m)
        truth = true_depth_m(place_map.pose(index).compose(MOUNT), found.keypoints_px)
        error = np.abs(found.depth_m / truth - 1.0)[known]
        if index == 3:
            assert 0 < known.mean() < 0.9 and np.median(error) > 0.001
        else:
            assert known.mean() > 0.9 and error.max() < 0.04 and np.median(error) < 0.01
    assert "depth not used: a depth image is torn" in caplog.text and "times as far" not in caplog.text


@pytest.mark.slow
def test_another_unit_is_told(tmp_path: Path, corners: OnnxLocalExtractor, caplog: pytest.LogCaptureFixture) -> None:
    built(tmp_path / "map", DepthSource(ALONG_M, scale=5.0), corners)
    assert "depth images say 5." in caplog.text or "depth images say 4.9" in caplog.text
    assert "--no-depth-images" in caplog.text


@pytest.mark.slow
def test_images_of_another_shape_are_told_once_and_not_used(
    tmp_path: Path, corners: OnnxLocalExtractor, caplog: pytest.LogCaptureFixture
) -> None:
    wide = built(tmp_path / "map", DepthSource(ALONG_M[:4], height=100), corners)
    plain = built(tmp_path / "plain", PlaneSource(ALONG_M[:4]), corners)
    assert caplog.text.count("are not used for images of 160x120 px") == 1
    assert (wide.path / "local" / "depth_m.npy").read_bytes() == (plain.path / "local" / "depth_m.npy").read_bytes()


@pytest.mark.slow
def test_the_command_takes_those_of_a_tum_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "plane"
    lists: dict[str, list[str]] = {"rgb": [], "depth": [], "groundtruth": []}
    for record in DepthSource(ALONG_M):
        assert record.T_map_base is not None and record.load_depth_m is not None
        name = f"{record.stamp_ns / 1e9:.6f}"
        millimetres_by_5 = np.round(record.load_depth_m() * 5000).astype(np.uint16)
        for kind, pixels in (("rgb", record.load_image()[..., ::-1]), ("depth", millimetres_by_5)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / kind / f"{name}.png"), pixels)
            lists[kind].append(f"{name} {kind}/{name}.png")
        T_map_camera = record.T_map_base.compose(MOUNT)
        numbers = (*T_map_camera.position_m, *(T_map_camera.quat_xyzw or ()))
        lists["groundtruth"].append(" ".join([name, *map(str, numbers)]))
    for name, lines in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    local = write_local_model(tmp_path / "local.onnx", local_info(HEIGHT, WIDTH, 150, 32))
    options = ["--local-model", str(local), "--min-distance", "0", "--min-angle", "0"]
    assert command.main([str(folder), "--output", str(tmp_path / "map"), *options]) == 0
    assert "depth images of 7 of 7 frames" in capsys.readouterr().out
    entry = PlaceMap.open(tmp_path / "map").manifest.local
    assert entry is not None and entry.share_with_depth > 0.9
    assert command.main([str(folder), "--output", str(tmp_path / "other"), *options, "--no-depth-images"]) == 0
    assert "depth images" not in capsys.readouterr().out
    entry = PlaceMap.open(tmp_path / "other").manifest.local
    assert entry is not None and entry.with_depth == 0  # nobody knows the intrinsics
