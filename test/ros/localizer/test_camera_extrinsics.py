"""Where a camera sits: TF first, then the parameter, then the map, else nobody knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from harness import make_map

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.localizer.camera_extrinsics import CameraExtrinsics

IN_MAP = Pose((0.3, 0.0, 0.5), (0.0, 0.0, 0.0, 1.0))
GIVEN = Pose((0.0, 0.2, 1.0), (0.0, 0.0, 0.0, 1.0))
FROM_TF = Pose((9.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
TOPICS = MappingProxyType({"front": "/front/image"})


class Tree:
    """Knows one frame, as a TF tree does: at the times it was told, and the last of them for ever."""

    def __init__(self, *times_ns: int, filling: int = 0) -> None:
        self.times_ns = times_ns
        self.filling = filling
        self.asked: list[tuple[str, str, int]] = []
        self.logger = self
        self.said: list[str] = []

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose:
        self.asked.append((target, source, stamp_ns))
        if source != "front_optical" or (self.times_ns and stamp_ns not in self.times_ns) or self.filling:
            raise ConfigError(f"TF has no transform {target} -> {source}", "Start what publishes it")
        return FROM_TF

    def newest(self, target: str, source: str) -> tuple[Pose, int]:
        if source != "front_optical" or self.filling:
            raise ConfigError(f"TF has no transform {target} -> {source}", "Start what publishes it")
        return FROM_TF, max(self.times_ns)

    def may_still_fill(self) -> bool:
        self.filling = max(0, self.filling - 1)
        return bool(self.times_ns)

    def others_publish(self) -> bool:
        return bool(self.times_ns)

    def info(self, text: str) -> None:
        self.said.append(text)

    def warning(self, text: str) -> None:
        self.said.append(f"warning: {text}")


@pytest.fixture(scope="module")
def map_with_extrinsics(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    return PlaceMap.open(make_map(tmp_path_factory.mktemp("extrinsics") / "map", 2, IN_MAP))


def extrinsics(place_map: PlaceMap, given: Pose | None, tree: Tree | None) -> CameraExtrinsics:
    return CameraExtrinsics("base_link", {"front": given}, TOPICS, place_map, tree)  # type: ignore[arg-type]


def test_tf_wins_and_is_asked_for_the_time_of_the_image(map_with_extrinsics: PlaceMap) -> None:
    tree = Tree()
    cameras = extrinsics(map_with_extrinsics, GIVEN, tree)
    assert cameras.lookup("front", "front_optical", 7) == FROM_TF
    assert tree.asked == [("base_link", "front_optical", 7)]
    assert cameras.origins == {"front": "TF base_link <- front_optical"}


@pytest.mark.parametrize(("stamp_ns", "told"), [(9_000_000_000, "2.5 s before"), (4_000_000_000, "2.5 s after")])
def test_a_time_tf_does_not_have_gets_the_last_one_it_has(
    map_with_extrinsics: PlaceMap, stamp_ns: int, told: str
) -> None:
    cameras = extrinsics(map_with_extrinsics, GIVEN, Tree(6_500_000_000))
    assert cameras.lookup("front", "front_optical", stamp_ns) == FROM_TF
    assert cameras.origins["front"] == f"TF base_link <- front_optical, {told} the image"


def test_a_tree_that_is_being_filled_is_waited_for(map_with_extrinsics: PlaceMap) -> None:
    tree = Tree(7, filling=2)
    assert extrinsics(map_with_extrinsics, GIVEN, tree).lookup("front", "front_optical", 7) == FROM_TF
    assert len(tree.asked) == 3


def test_who_says_so_is_logged_when_it_changes(map_with_extrinsics: PlaceMap) -> None:
    tree = Tree()
    cameras = extrinsics(map_with_extrinsics, GIVEN, tree)
    for frame_id in ("elsewhere", "elsewhere", "front_optical", "front_optical", ""):
        cameras.lookup("front", frame_id, 7)
    assert tree.said == [
        "camera front: extrinsics: parameter; TF has no transform base_link -> elsewhere",
        "camera front: extrinsics: TF base_link <- front_optical",
        "camera front: extrinsics: parameter; TF is not asked, because the images name no frame_id",
    ]


def test_a_camera_missing_in_a_tree_that_somebody_fills_is_a_warning(map_with_extrinsics: PlaceMap) -> None:
    tree = Tree(7, filling=1000)
    tree.may_still_fill = lambda: False  # type: ignore[method-assign]
    extrinsics(map_with_extrinsics, None, tree).lookup("front", "front_optical", 7)
    (said,) = tree.said
    assert said.startswith("warning: camera front: extrinsics: map (its only camera")


def test_without_an_answer_of_tf_the_parameter_holds(map_with_extrinsics: PlaceMap) -> None:
    cameras = extrinsics(map_with_extrinsics, GIVEN, Tree())
    assert cameras.lookup("front", "elsewhere", 7) == GIVEN
    assert cameras.origins["front"] == "parameter; TF has no transform base_link -> elsewhere"


def test_the_only_camera_of_the_map_is_assumed_to_be_this_one(map_with_extrinsics: PlaceMap) -> None:
    cameras = extrinsics(map_with_extrinsics, None, None)
    assert cameras.lookup("front", "", 7) == IN_MAP
    assert "only camera" in cameras.origins["front"]


def test_nobody_knows(tmp_path: Path) -> None:
    cameras = extrinsics(PlaceMap.open(make_map(tmp_path / "map", 2)), None, None)
    assert cameras.lookup("front", "front_optical", 7) is None
    assert cameras.origins["front"].startswith("unknown")


def test_a_camera_that_was_calibrated_anew_is_still_the_only_one(map_with_extrinsics: PlaceMap) -> None:
    manifest = map_with_extrinsics.manifest
    anew = replace(manifest.cameras[0], name="camera (2)", intrinsics=CameraIntrinsics.from_fov(64, 48))
    elsewhere = replace(anew, T_base_camera=GIVEN)
    for second, origin in ((anew, "map (its only camera"), (elsewhere, "unknown")):
        changed = replace(manifest, cameras=(*manifest.cameras, second))
        place_map = PlaceMap(
            map_with_extrinsics.path, changed, map_with_extrinsics.frames, map_with_extrinsics.descriptors, None
        )
        assert extrinsics(place_map, None, None).origins["front"].startswith(origin)
