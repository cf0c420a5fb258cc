"""Where a camera sits: TF first, then the parameter, then the map, else nobody knows."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from harness import make_map

from vpr_ros.core.pose import Pose
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.camera_mount import CameraMounts

IN_MAP = Pose((0.3, 0.0, 0.5), (0.0, 0.0, 0.0, 1.0))
GIVEN = Pose((0.0, 0.2, 1.0), (0.0, 0.0, 0.0, 1.0))
FROM_TF = Pose((9.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
TOPICS = MappingProxyType({"front": "/front/image"})


class Tree:
    """Knows one frame, as a TF tree does."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose | None:
        self.asked.append((target, source, stamp_ns))
        return FROM_TF if source == "front_optical" else None


@pytest.fixture(scope="module")
def mounted_map(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    return PlaceMap.open(make_map(tmp_path_factory.mktemp("mounts") / "map", 2, IN_MAP))


def mounts(place_map: PlaceMap, given: Pose | None, tree: Tree | None) -> CameraMounts:
    return CameraMounts("base_link", {"front": given}, TOPICS, place_map, tree)  # type: ignore[arg-type]


def test_tf_wins_and_is_asked_for_the_time_of_the_image(mounted_map: PlaceMap) -> None:
    tree = Tree()
    cameras = mounts(mounted_map, GIVEN, tree)
    assert cameras.lookup("front", "/front_optical", 7) == FROM_TF
    assert tree.asked == [("base_link", "front_optical", 7)]
    assert cameras.origins == {"front": "TF base_link <- front_optical"} or "front_optical" in cameras.origins["front"]


def test_without_an_answer_of_tf_the_parameter_holds(mounted_map: PlaceMap) -> None:
    cameras = mounts(mounted_map, GIVEN, Tree())
    assert cameras.lookup("front", "elsewhere", 7) == GIVEN
    assert cameras.origins["front"] == "parameter"


def test_the_only_camera_of_the_map_is_assumed_to_be_this_one(mounted_map: PlaceMap) -> None:
    cameras = mounts(mounted_map, None, None)
    assert cameras.lookup("front", "", 7) == IN_MAP
    assert "only camera" in cameras.origins["front"]


def test_nobody_knows(tmp_path: Path) -> None:
    cameras = mounts(PlaceMap.open(make_map(tmp_path / "map", 2)), None, None)
    assert cameras.lookup("front", "front_optical", 7) is None
    assert cameras.origins["front"].startswith("unknown")
