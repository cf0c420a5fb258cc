"""A map's frame is ``map`` unless somebody names it; what the recording called its frame is kept and compared."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from damaged_map import edit
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import MapError
from vpr_ros.mapping import build_map
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.map_frame import describe_frames, is_drifting, lies_in, recorded_frames


def drive(frame_id: str) -> WallSource:
    return WallSource([0.5 * n for n in range(6)], map_frame_id=frame_id)


def append(path: Path, frame_id: str, named: bool = False) -> PlaceMap:
    config = replace(EVERY_FRAME, frame_id=frame_id) if named else EVERY_FRAME
    build_map(drive(frame_id), PixelExtractor(), path, config, append=True)
    return PlaceMap.open(path)


@pytest.mark.parametrize("recorded", ["odom", "robot1/odom", "world", "map"])
def test_the_frame_is_map_and_the_recorded_one_is_kept(tmp_path: Path, recorded: str) -> None:
    manifest = build_wall_map(tmp_path / "map", drive(recorded)).manifest
    assert manifest.frame_id == "map"
    assert recorded_frames(manifest) == (recorded,)
    assert yaml.safe_load((tmp_path / "map" / "manifest.yaml").read_text())["sessions"][0]["frame_id"] == recorded


def test_a_name_that_is_given_stays(tmp_path: Path) -> None:
    build_map(drive("site"), PixelExtractor(), tmp_path / "map", replace(EVERY_FRAME, frame_id="site"))
    assert PlaceMap.open(tmp_path / "map").manifest.frame_id == "site"


@pytest.mark.parametrize(
    ("frame_id", "drifts"),
    [("odom", True), ("robot1/odom", True), ("odom_combined", True), ("map", False), ("world", False), ("", False)],
)
def test_poses_in_a_drifting_frame_are_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, frame_id: str, drifts: bool
) -> None:
    assert is_drifting(frame_id) is drifts
    with caplog.at_level(logging.WARNING):
        build_wall_map(tmp_path / "map", drive(frame_id))
    assert (f"the poses are in {frame_id!r}, the frame of odometry" in caplog.text) is drifts
    assert ("frame is called 'map'" in caplog.text) is drifts


def test_a_second_drive_of_odometry_is_added_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    build_wall_map(tmp_path / "map", drive("odom"))
    with caplog.at_level(logging.WARNING):
        both = append(tmp_path / "map", "odom")
    assert both.manifest.frame_id == "map" and len(both.manifest.sessions) == 2
    assert "2 sessions are laid over each other" in caplog.text


@pytest.mark.parametrize(("recorded", "added"), [("map", "odom"), ("odom", "map"), ("odom", "site")])
def test_poses_of_another_frame_are_refused_unless_somebody_names_the_maps(
    tmp_path: Path, recorded: str, added: str
) -> None:
    build_wall_map(tmp_path / "map", drive(recorded))
    with pytest.raises(MapError, match=f"is in frame 'map'.*the new session in '{added}'") as caught:
        append(tmp_path / "map", added)
    assert "--map-frame map" in caught.value.remedy
    both = append(tmp_path / "map", "map", named=True)
    assert recorded_frames(both.manifest) == tuple(dict.fromkeys([recorded, "map"]))


def test_a_map_from_before_goes_by_its_own_frame(tmp_path: Path) -> None:
    path = build_wall_map(tmp_path / "map", drive("odom")).path
    manifest = PlaceMap.open(path).manifest
    assert describe_frames(manifest) == "'map' (recorded in 'odom')"

    def as_before(plain: dict[str, Any]) -> None:
        plain.update(format_version=1, frame_id="odom")
        del plain["sessions"][0]["frame_id"]

    edit(path, as_before)
    before = PlaceMap.open(path).manifest
    assert recorded_frames(before) == ("odom",) and describe_frames(before) == "'odom'"
    assert lies_in("odom", before, named=False) and not lies_in("map", before, named=True)
    assert append(path, "odom").manifest.frame_id == "odom"
