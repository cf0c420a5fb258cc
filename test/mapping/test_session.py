# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a build works with is found out once, and only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount, FrameRecord, PositionSigma
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import build_map
from vpr_ros.mapping.append_base import merge_cameras
from vpr_ros.mapping.session import BuildSession
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.manifest_parts import SessionEntry

TRACK = [0.5 * number for number in range(24)]
RAISED = CameraMount("camera", "", Pose((0.0, 0.0, 2.0)))


@dataclass
class Counted(WallSource):
    """A wall that knows how often it was read."""

    read: int = 0

    def __iter__(self) -> Iterator[FrameRecord]:
        self.read += 1
        return super().__iter__()


def test_a_source_is_read_for_its_poses_its_images_and_its_calibration(tmp_path: Path) -> None:
    source = Counted(TRACK)
    build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert source.read == 3
    build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME, append=True)
    assert source.read == 6


def test_a_session_of_its_own_has_what_its_source_has(tmp_path: Path) -> None:
    source = Counted([3.4, 4.0], camera=RAISED)
    session = BuildSession(source, PixelExtractor(), replace(EVERY_FRAME, local_origin=True), tmp_path / "map")
    assert source.read == 0
    assert (session.base, session.earlier, session.dtype) == (None, (), "float32")
    assert session.cameras == (RAISED,)
    assert session.origin_m == (3.0, 0.0, 0.0)
    assert session.usable is session.usable and session.inputs is session.inputs
    rows = [session.row(record) for record in session.usable]
    assert [(row.session, row.camera) for row in rows] == [(0, 0), (0, 0)]
    assert [row.T_map_base.position_m for row in rows] == [pytest.approx((0.4, 0, 0)), pytest.approx((1.0, 0, 0))]


def test_a_session_of_a_map_goes_on_where_the_map_ends(tmp_path: Path) -> None:
    built = build_wall_map(tmp_path / "map", WallSource(TRACK), replace(EVERY_FRAME, dtype="float16"))
    source = WallSource([20.0], camera=RAISED)
    session = BuildSession(source, PixelExtractor(), EVERY_FRAME, built.path, append=True)
    assert session.base is session.base and isinstance(session.base, PlaceMap)
    assert (session.dtype, session.earlier) == ("float16", built.manifest.sessions)
    assert [camera.name for camera in session.cameras] == ["camera", "camera (2)"]
    row = session.row(next(iter(session.usable)))
    assert (row.session, row.camera) == (1, 1)


SEEN, SEEN_ANEW = CameraIntrinsics(64, 48, 50.0, 50.0, 31.5, 23.5), CameraIntrinsics(64, 48, 60.0, 60.0, 31.5, 23.5)


@pytest.mark.parametrize(
    ("known", "added", "cameras", "number"),
    [
        ([None], SEEN, [None], 0),
        ([None, SEEN], SEEN, [None, SEEN], 1),
        ([None, SEEN], None, [None, SEEN], 0),
        ([SEEN], SEEN, [SEEN], 0),
        ([SEEN], SEEN_ANEW, [SEEN, SEEN_ANEW], 1),
        ([SEEN], None, [SEEN, None], 1),
    ],
)
def test_no_frame_is_said_to_be_seen_otherwise_than_it_was(
    known: list[CameraIntrinsics | None],
    added: CameraIntrinsics | None,
    cameras: list[CameraIntrinsics | None],
    number: int,
) -> None:
    names = ("front", "front (2)")
    before = tuple(CameraMount(name, intrinsics=seen) for name, seen in zip(names, known, strict=False))
    merged, numbers = merge_cameras(before, {"front": CameraMount("front", intrinsics=added)})
    assert merged == tuple(CameraMount(name, intrinsics=seen) for name, seen in zip(names, cameras, strict=False))
    assert numbers == {"front": number}


def test_a_camera_that_became_another_one_meanwhile_is_refused_and_can_start_again(tmp_path: Path) -> None:
    seen = CameraMount("camera", intrinsics=SEEN)
    built = build_wall_map(tmp_path / "map", WallSource(TRACK, camera=seen))
    with pytest.raises(KeyboardInterrupt):
        build_map(
            WallSource(TRACK, fails_at=12, failure=KeyboardInterrupt()),
            PixelExtractor(),
            built.path,
            EVERY_FRAME,
            append=True,
        )
    source = WallSource(TRACK, camera=seen)
    with pytest.raises(MapError, match=r"cameras .* otherwise .*--overwrite"):
        build_map(source, PixelExtractor(), built.path, EVERY_FRAME, append=True, resume=True)
    again = replace(EVERY_FRAME, overwrite=True)
    build_map(source, PixelExtractor(), built.path, again, append=True)
    assert PlaceMap.open(built.path).manifest.cameras == (seen,)


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    built = build_wall_map(tmp_path / "map", WallSource(TRACK))
    with pytest.raises(MapError, match="has the origin"):
        build_map(WallSource(), PixelExtractor(), built.path, replace(EVERY_FRAME, local_origin=True), append=True)
    assert [path.name for path in tmp_path.iterdir()] == ["map"]


@pytest.mark.parametrize("said_m", [None, 2.0])
def test_the_noise_of_a_session_is_in_the_manifest(tmp_path: Path, said_m: float | None) -> None:
    """As somebody says, else as the recording does, else not at all; the map has the mean variance of its frames."""

    class Gps(WallSource):
        position_sigma = PositionSigma(3.0, 5.0)

    said = replace(EVERY_FRAME, position_sigma_m=said_m)
    place_map = build_wall_map(tmp_path / "map", Gps(TRACK[:4]), said)
    expected = PositionSigma(3.0, 5.0) if said_m is None else PositionSigma(2.0, 2.0)
    assert place_map.manifest.sessions[0].position_sigma == expected
    np.testing.assert_allclose(place_map.manifest.position_sigma, expected)
    exact = replace(place_map.manifest.sessions[0], position_sigma=None)
    twice = replace(place_map.manifest, sessions=(place_map.manifest.sessions[0], exact))
    np.testing.assert_allclose(twice.position_sigma, np.array(expected) / np.sqrt(2))
    plain = exact.to_dict()
    del plain["position_sigma_m"]  # as up to format 4
    assert SessionEntry.from_dict(plain) == exact
