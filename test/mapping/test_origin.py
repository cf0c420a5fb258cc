"""Maps with a zero of their own: coordinates a consumer can use, and the way back to those of the recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.pose import Pose, PositionM
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.map_warnings import distance_warning

MUNICH_UTM_M = (691_607.9, 5_334_760.4, 519.0)
LOCAL = replace(EVERY_FRAME, local_origin=True)


@dataclass
class FarWall(WallSource):
    """The wall somewhere on the UTM grid."""

    at_m: PositionM = MUNICH_UTM_M

    def __iter__(self) -> Iterator[FrameRecord]:
        x_m, y_m, z_m = self.at_m
        for record in super().__iter__():
            pose = record.T_map_base
            assert pose is not None
            yield replace(record, T_map_base=pose.seen_from((-x_m, -y_m, -z_m)))


def test_the_first_frame_in_whole_metres_becomes_zero(tmp_path: Path, wall_map: PlaceMap) -> None:
    local = build_wall_map(tmp_path / "map", FarWall(), LOCAL)
    assert local.manifest.origin_m == (691_608.0, 5_334_760.0, 519.0)
    np.testing.assert_allclose(local.frames.position_m[0], (-0.1, 0.4, 0.0), atol=1e-9)
    back_m = local.frames.position_m + local.manifest.origin_m - MUNICH_UTM_M
    np.testing.assert_allclose(back_m, wall_map.frames.position_m, atol=1e-8)
    np.testing.assert_array_equal(local.frames.quat_xyzw, wall_map.frames.quat_xyzw)
    assert local.manifest.calibration.kind == "held_out"


def test_a_point_that_is_given_becomes_zero(tmp_path: Path) -> None:
    config = replace(EVERY_FRAME, origin_m=MUNICH_UTM_M)
    given = build_wall_map(tmp_path / "map", FarWall(), config)
    assert PlaceMap.open(given.path).manifest.origin_m == MUNICH_UTM_M
    np.testing.assert_allclose(given.frames.position_m[:3, 0], (0.0, 0.5, 1.0), atol=1e-8)


@pytest.mark.slow
def test_a_session_that_is_added_has_the_map_s_zero(tmp_path: Path) -> None:
    build_wall_map(tmp_path / "map", FarWall(), LOCAL)
    second = FarWall(along_m=[10.2, 11.2])
    build_map(second, PixelExtractor(), tmp_path / "map", EVERY_FRAME, append=True)
    both = PlaceMap.open(tmp_path / "map")
    assert both.manifest.origin_m == (691_608.0, 5_334_760.0, 519.0)
    np.testing.assert_allclose(both.frames.position_m[-2:, 0], (10.1, 11.1), atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("built_with", "added_with", "found"),
    [
        (EVERY_FRAME, LOCAL, r"has the origin \(0.0, 0.0, 0.0\), asked for is one of its own"),
        (LOCAL, replace(EVERY_FRAME, origin_m=(1.0, 2.0, 3.0)), r"691608.0.*asked for is \(1.0, 2.0, 3.0\)"),
    ],
)
def test_a_map_keeps_its_zero(tmp_path: Path, built_with: BuildConfig, added_with: BuildConfig, found: str) -> None:
    build_wall_map(tmp_path / "map", FarWall(), built_with)
    before = (tmp_path / "map" / "manifest.yaml").read_bytes()
    with pytest.raises(MapError, match=found):
        build_map(FarWall(seed=3), PixelExtractor(), tmp_path / "map", added_with, append=True)
    assert (tmp_path / "map" / "manifest.yaml").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["map"]


@pytest.mark.slow
def test_coordinates_that_consumers_refuse_are_said_while_building(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    far = build_wall_map(tmp_path / "far", FarWall())
    assert caplog.messages == [f"warning: {distance_warning(far)}"]
    assert "reach 5334760 m: AMCL refuses" in caplog.text
    assert "exact to 0.5 m only. Build the map with --local-origin." in caplog.text
    caplog.clear()
    assert distance_warning(build_wall_map(tmp_path / "near", FarWall(), LOCAL)) == ""
    assert not caplog.messages


@pytest.mark.parametrize(("origin_m", "local"), [((0.0, np.inf, 0.0), False), ((1.0, 2.0, 3.0), True)])
def test_origins_that_are_none_are_refused(origin_m: PositionM, local: bool) -> None:
    with pytest.raises(ConfigError, match="origin"):
        BuildConfig(origin_m=origin_m, local_origin=local)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["[1.0, 2.0]", "[1.0, 2.0, .nan]", "far", "[a, b, c]"])
def test_an_origin_that_is_none_is_a_damaged_manifest(tmp_path: Path, text: str) -> None:
    path = build_wall_map(tmp_path / "map").path / "manifest.yaml"
    path.write_text(path.read_text().replace("origin_m: null", f"origin_m: {text}"))
    with pytest.raises(MapError, match="cannot be read"):
        PlaceMap.open(path.parent)


def test_a_pose_seen_from_elsewhere_keeps_its_heading() -> None:
    pose = Pose.from_xy_yaw(3.0, 4.0, 1.0, 5.0)
    assert pose.seen_from((1.0, 1.0, 1.0)) == Pose((2.0, 3.0, 4.0), pose.quat_xyzw)
    assert Pose((3.0, 4.0, 5.0), None).seen_from((3.0, 4.0, 5.0)) == Pose((0.0, 0.0, 0.0), None)
    assert pose.seen_from(None) == pose
