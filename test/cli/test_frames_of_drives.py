# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Drives whose poses are in ``odom``, as odometry has them: the name of the map's frame, and what can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.cli import build_map, evaluate, inspect_map
from vpr_ros.core.frames import Frame
from vpr_ros.core.pose import Pose
from vpr_ros.maps import PlaceMap
from vpr_ros.sources.bag_writer import BagLayout, write_bag

PLACES = 6


def frames() -> Iterator[Frame]:
    for place in range(PLACES):
        image_rgb = np.kron(np.random.default_rng(place).integers(0, 256, (6, 8, 3)), np.ones((20, 20, 1)))
        pose = Pose.from_xy_yaw(2.0 * place, 0.0, 0.0)
        yield Frame(image_rgb.astype(np.uint8), 10**9 * (place + 1), "camera", f"{place}", pose)


def record(path: Path, frame_id: str) -> Path:
    write_bag(path, frames(), layout=BagLayout(map_frame=frame_id))
    return path


def run(command: object, *arguments: object) -> int:
    status: int = command.main([str(a) for a in arguments])  # type: ignore[attr-defined]
    return status


@pytest.fixture(scope="module")
def odometry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("odom") / "drive", "odom")


def recall(place_map: Path, queries: Path, output: Path, *options: str) -> float:
    assert run(evaluate, place_map, queries, "--threshold", "1", "--output", output, *options) == 0
    figure: float = json.loads((output / "metrics.json").read_text())["recall_at"]["1"]
    return figure


def test_the_map_of_an_odometry_drive_is_in_map_and_says_so(
    odometry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert run(build_map, odometry, "--output", tmp_path / "map", "--no-thumbnails") == 0
    assert "the poses are in 'odom', the frame of odometry, which drifts" in caplog.text
    assert PlaceMap.open(tmp_path / "map").manifest.frame_id == "map"
    assert run(inspect_map, tmp_path / "map") == 0
    assert "in frame 'map' (recorded in 'odom')" in " ".join(capsys.readouterr().out.split())
    assert recall(tmp_path / "map", odometry, tmp_path / "results") == 100.0


def test_a_drive_in_another_frame_is_compared_when_somebody_says_so(
    odometry: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapped = record(tmp_path / "mapped", "map")
    assert run(build_map, mapped, "--output", tmp_path / "map", "--no-thumbnails") == 0
    assert run(evaluate, tmp_path / "map", odometry, "--threshold", "1", "--output", tmp_path / "refused") == 2
    said = capsys.readouterr().err
    assert "in frame 'odom' (metric), the map's in 'map' (metric)" in said and "--map-frame map" in said
    topic = ("--pose-topic", "/odom", "--map-frame", "map")
    assert recall(tmp_path / "map", odometry, tmp_path / "results", *topic) == 100.0


def test_a_named_frame_is_the_map_s(odometry: Path, tmp_path: Path) -> None:
    named = ("--pose-topic", "/odom", "--map-frame", "site")
    assert run(build_map, odometry, "--output", tmp_path / "map", "--no-thumbnails", *named) == 0
    assert PlaceMap.open(tmp_path / "map").manifest.frame_id == "site"
