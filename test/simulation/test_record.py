# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import FrameSource
from vpr_ros.simulation.conditions import Conditions
from vpr_ros.simulation.drive import DrivePlan
from vpr_ros.simulation.record import depth_to_mm, record_folder
from vpr_ros.simulation.source import SimulatedSource
from vpr_ros.simulation.town import Town
from vpr_ros.sources import SourceOptions, open_source


@pytest.fixture(scope="module")
def source(town: Town, camera: CameraIntrinsics) -> SimulatedSource:
    return SimulatedSource(town, DrivePlan(distance_m=18.0, rate_hz=1.0), camera, Conditions(), seed=3)


@pytest.mark.slow
def test_a_source_is_lazy_exact_and_repeatable(source: SimulatedSource) -> None:
    frame_source: FrameSource = source
    records = list(frame_source)
    assert len(records) == len(source) == 3
    frames = [record.load() for record in records]
    again = [record.load() for record in source]
    for frame, second, (stamp_ns, pose) in zip(frames, again, source.poses, strict=True):
        assert np.array_equal(frame.image_rgb, second.image_rgb)
        assert (frame.stamp_ns, frame.T_map_base) == (stamp_ns, pose)
    assert source.cameras["camera"].T_base_camera == source.T_base_camera
    assert source.map_frame_id == "map"
    assert "town 5" in source.description


@pytest.mark.slow
def test_a_recorded_drive_reads_back(source: SimulatedSource, tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    record_folder(source, tmp_path / "drive", truth=True, progress=lambda k, n: done.append((k, n)))
    assert done == [(1, 3), (2, 3), (3, 3)]
    folder = open_source(tmp_path / "drive" / "images", SourceOptions(poses=tmp_path / "drive" / "trajectory.txt"))
    for index, record in enumerate(folder):
        rendering = source.rendering(index)
        stamp_ns, pose = source.poses[index]
        assert record.stamp_ns == stamp_ns
        assert record.T_map_base is not None
        assert record.T_map_base.distance_m(pose) < 1e-6
        assert record.T_map_base.angle_rad(pose) < 1e-6
        assert np.array_equal(record.load().image_rgb, rendering.image_rgb)
        label = cv2.imread(str(tmp_path / "drive" / "labels" / f"{stamp_ns}.png"), cv2.IMREAD_UNCHANGED)
        depth = cv2.imread(str(tmp_path / "drive" / "depth" / f"{stamp_ns}.png"), cv2.IMREAD_UNCHANGED)
        assert label is not None
        assert depth is not None
        assert np.array_equal(label, rendering.label)
        near = rendering.depth_m < 60.0
        np.testing.assert_allclose(depth[near] * 0.001, rendering.depth_m[near], atol=0.00051)
    camera = yaml.safe_load((tmp_path / "drive" / "camera.yaml").read_text())
    assert camera["fx_px"] == source.camera.fx_px
    whole = open_source(tmp_path / "drive")  # labels and depth are no images of the drive
    assert [record.stamp_ns for record in whole] == [record.stamp_ns for record in folder]


def test_nothing_is_left_of_a_recording_that_fails(source: SimulatedSource, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_folder(source, tmp_path / "drive", progress=stop)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "drive").mkdir()
    with pytest.raises(SourceError, match="exists already"):
        record_folder(source, tmp_path / "drive")


def test_depth_in_millimetres() -> None:
    depth_m = np.array([[1.2344, 65.535, 65.6, np.inf]], dtype=np.float32)
    assert depth_to_mm(depth_m).tolist() == [[1234, 65535, 0, 0]]
