# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two maps as one: what both have is kept, what contradicts is refused with how much."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, GridFeatures, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.mapping.care.merge import merged
from vpr_ros.maps import PlaceMap

FIRST = [0.5 * number for number in range(40)]
SECOND = [15.25 + 0.5 * number for number in range(40)]


class Moved(WallSource):
    """The wall as a recording in another frame has it: 30 degrees turned, and 100 m away."""

    def __iter__(self) -> Iterator[FrameRecord]:
        T = Pose.from_xy_yaw(100.0, 0.0, math.radians(30.0))
        for record in super().__iter__():
            assert record.T_map_base is not None
            yield replace(record, T_map_base=T.compose(record.T_map_base))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """The left part of the wall."""
    return build_wall_map(tmp_path_factory.mktemp("first") / "map", WallSource(FIRST, description="first"))


def written(maps: Sequence[PlaceMap], folder: Path, **options: object) -> PlaceMap:
    folder.mkdir()
    made = merged(maps, **options).write(folder)  # type: ignore[arg-type]
    made.verify()
    return made


def test_frames_sessions_and_cameras_of_both(first: PlaceMap, tmp_path: Path) -> None:
    other = build_wall_map(
        tmp_path / "other",
        WallSource(SECOND, description="second", camera=CameraMount("camera", "", Pose((0.0, 0.0, 1.0)))),
    )
    made = written([first, other], tmp_path / "new")
    assert [session.source for session in made.manifest.sessions] == ["first", "second"]
    assert [camera.name for camera in made.manifest.cameras] == ["camera", "camera (2)"]
    np.testing.assert_array_equal(made.descriptors[40:], other.descriptors)
    np.testing.assert_array_equal(made.frames.session, [0] * 40 + [1] * 40)
    np.testing.assert_array_equal(made.frames.camera_index, [0] * 40 + [1] * 40)
    assert made.manifest.calibration.kind == "held_out"
    assert made.manifest.local is None and made.manifest.thumbnails == 80


def test_a_camera_of_one_name_and_mount_is_one(first: PlaceMap, tmp_path: Path) -> None:
    other = build_wall_map(
        tmp_path / "other", WallSource(SECOND[:10]), BuildConfig(min_distance_m=0.0, dtype="float16")
    )
    new = merged([first, other])
    assert [camera.name for camera in new.manifest.cameras] == ["camera"]
    assert new.manifest.dtype == "float32"


def test_maps_of_two_frames_are_refused_with_how_far_they_are_apart(
    first: PlaceMap, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = build_wall_map(tmp_path / "other", Moved(FIRST))
    with pytest.raises(MapError, match=r"contradict each other: \d+ places .* apart \(median\)") as caught:
        merged([first, other])
    assert "30.0 degrees" in caught.value.problem
    assert len(merged([first, other], trust_poses=True).parts) == 2
    assert "30.0 degrees" in caplog.text


def test_poses_that_agree_are_said_to(first: PlaceMap, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = build_wall_map(tmp_path / "other", WallSource([along_m + 0.1 for along_m in FIRST]))
    merged([first, other])
    assert "lie 0.10 m and 0.0 degrees apart" in caplog.text


def test_places_that_only_look_alike_contradict_nothing(first: PlaceMap, tmp_path: Path) -> None:
    other = build_wall_map(tmp_path / "other", WallSource(SECOND, seed=7))
    assert len(merged([first, other]).parts) == 2


def test_what_cannot_be_compared_is_refused(first: PlaceMap, tmp_path: Path) -> None:
    build_map(WallSource(SECOND[:3]), PixelExtractor(seed=1), tmp_path / "model", EVERY_FRAME)
    with pytest.raises(MapError, match="they differ in sha256"):
        merged([first, PlaceMap.open(tmp_path / "model")])
    odom = build_wall_map(tmp_path / "odom", WallSource(SECOND[:3], map_frame_id="odom"))
    with pytest.raises(MapError, match=r"recorded in 'odom'") as caught:
        merged([first, odom])
    assert "--map-frame map" in caught.value.remedy
    assert merged([first, odom], "map").manifest.frame_id == "map"
    earth = build_wall_map(tmp_path / "earth", WallSource(SECOND[:3], datum=GeoDatum(48.0, 11.0, 500.0)))
    with pytest.raises(MapError, match="knows where on Earth"):
        merged([first, earth])
    with pytest.raises(MapError, match="are one map"):
        merged([first, PlaceMap.open(first.path)])
    again = build_wall_map(tmp_path / "again", WallSource(FIRST, description="first"))
    with pytest.raises(MapError, match=r"session 0 of map .*, 'first', is session 0 of map") as caught:
        merged([first, again])
    assert caught.value.remedy == "There is nothing to merge: give a map with another session"
    build_map(WallSource(SECOND[:3]), PixelExtractor(), again.path, EVERY_FRAME, append=True)
    with pytest.raises(MapError, match="is session 0") as caught:
        merged([first, PlaceMap.open(again.path)])
    assert f"drop {again.path} 0 --output NEW" in caught.value.remedy


def test_datum_and_origin_are_those_of_the_first(tmp_path: Path) -> None:
    here, north = GeoDatum(48.0, 11.0, 500.0), GeoDatum(48.001, 11.0, 500.0)
    one = build_wall_map(tmp_path / "one", WallSource(FIRST[:5], datum=here))
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, origin_m=(1000.0, 0.0, 0.0))
    build_map(WallSource(SECOND[:5], datum=north), PixelExtractor(), tmp_path / "two", config)
    other = PlaceMap.open(tmp_path / "two")
    assert other.frames.position_m[0, 0] == pytest.approx(15.25 - 1000.0)
    lines = merged([one, other]).parts[1].lines
    x_m, y_m, _ = lines[0].T_map_base.position_m
    assert (x_m, y_m) == pytest.approx((15.25, 111.2), abs=0.05)  # a thousandth of a degree of latitude


@pytest.mark.parametrize("same", [True, False])
def test_local_features_of_one_model_are_kept_of_both(tmp_path: Path, same: bool) -> None:
    for name, track in (("one", FIRST[:5]), ("two", SECOND[:5])):
        config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, local_bits=4 if same or name == "one" else 8)
        build_map(
            WallSource(track, description=name), PixelExtractor(), tmp_path / name, config, local_model=GridFeatures()
        )
    made = written([PlaceMap.open(tmp_path / name) for name in ("one", "two")], tmp_path / "new")
    assert made.local is not None
    assert made.local.files.not_looked_at() == (0 if same else 5)
    assert made.local.entry.features == (150 if same else 75)
