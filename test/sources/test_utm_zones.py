"""Names that hold metres of two UTM zones: distances between them mean nothing, so they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from some_images import write_images

from vpr_ros.core.errors import SourceError
from vpr_ros.sources import SourceOptions, open_source


def folder_of(path: Path, zones: list[str]) -> Path:
    return write_images(path, (f"@{500000 + k}@5300000@{zone}@@@@@@@@@@.png" for k, zone in enumerate(zones)))


@pytest.mark.parametrize(
    ("zones", "says"),
    [
        (["31@U", "32@U", "32@U"], r"1 in zone 31 north, @500000@.* for one; 2 in zone 32 north"),
        (["17@M", "17@N"], r"1 in zone 17 north.*; 1 in zone 17 south"),
        (["17@N", "17@S"], r"1 in zone 17 north.*; 1 in zone 17 south"),
        (["31@", "32@"], r"1 in zone 31, .*; 1 in zone 32, "),
        (["031@U", "31@U", "33@"], r"2 in zone 31 north, .*; 1 in zone 33, "),
    ],
)
def test_two_zones_are_refused_and_named(tmp_path: Path, zones: list[str], says: str) -> None:
    with pytest.raises(SourceError, match=f"more than one UTM zone: {says}") as caught:
        open_source(folder_of(tmp_path / "images", zones))
    assert "Move the images of each zone to a folder of their own" in caught.value.remedy


@pytest.mark.parametrize(
    "zones", [["32@T", "32@U"], ["32@u", "032@U"], ["32@", "32@U", "@"], ["@", "@"], ["32@S", "32@T"], ["19@H", "19@K"]]
)
def test_bands_of_latitude_and_missing_zones_are_one_frame(tmp_path: Path, zones: list[str]) -> None:
    positions = [record.T_map_base for record in open_source(folder_of(tmp_path / "images", zones))]
    assert [pose.position_m[0] for pose in positions if pose] == [500000 + k for k in range(len(zones))]


def test_the_remedy_works(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "images", ["31@U", "32@U"])
    first, second = sorted(folder.iterdir())
    table = tmp_path / "poses.csv"
    table.write_text(f"file,lat,lon\n{first.name},48.0,5.9999\n{second.name},48.0,6.0001\n")
    a, b = (record.T_map_base for record in open_source(folder, SourceOptions(poses=table)))
    assert a is not None
    assert b is not None
    assert a.distance_m(b) == pytest.approx(14.9, abs=0.1)


@pytest.mark.parametrize("heading", ["nan", "inf", "north", ""])
def test_a_heading_that_is_none_is_unknown(tmp_path: Path, heading: str) -> None:
    folder = write_images(tmp_path / "images", [f"@500000@5300000@32@U@@@@@{heading}@.png"])
    (record,) = open_source(folder)
    assert record.T_map_base is not None
    assert not record.T_map_base.has_orientation


def test_metres_that_are_none_are_counted(tmp_path: Path) -> None:
    names = ("@nan@5300000@.png", "@1e300@5300000@.png", "@500000@5300000@.png")
    folder = write_images(tmp_path / "images", names)
    source = open_source(folder)
    assert len(source) == 1
    assert "poses not usable: 1 beyond any place on earth, 1 not finite" in source.description
