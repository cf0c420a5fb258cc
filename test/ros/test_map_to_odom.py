"""map -> odom: the correction that brings odometry's idea of the robot to the accepted pose."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from some_answers import HERE, STAMP_NS, accepted, rejected
from some_setup import some_setup

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.ros.localizer_setup import LocalizerSetup
from vpr_ros.ros.map_to_odom import MapToOdom
from vpr_ros.ros.parameters import Value

T_ODOM_BASE = Pose.from_xy_yaw(10.0, 3.0, math.radians(-170.0))


class Tree:
    """Knows where odometry believes the robot is, as a TF tree does, and keeps what is broadcast."""

    def __init__(self, T_odom_base: Pose | None = T_ODOM_BASE) -> None:
        self.T_odom_base = T_odom_base
        self.asked: list[tuple[str, str, int]] = []
        self.sent: list[tuple[Pose, str, str, int]] = []

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose | None:
        self.asked.append((target, source, stamp_ns))
        return self.T_odom_base

    def broadcast(self, T_parent_child: Pose, parent: str, child: str, stamp_ns: int) -> None:
        self.sent.append((T_parent_child, parent, child, stamp_ns))


@pytest.fixture(scope="module")
def opened(texture_map: Path) -> LocalizerSetup:
    return some_setup(texture_map)


def with_tree(opened: LocalizerSetup, tree: Tree, **parameters: Value) -> LocalizerSetup:
    given: dict[str, Any] = {"publish_tf": True, "odom_frame": "odom_combined", "base_frame": "base_footprint"}
    return some_setup(opened.place_map.path, tree, opened, **given | parameters)


@pytest.mark.parametrize("yaw_deg", [30.0, 179.9, -179.9, 180.0])
def test_the_chain_map_odom_base_ends_at_the_accepted_pose(opened: LocalizerSetup, yaw_deg: float) -> None:
    tree, pose = Tree(), Pose.from_xy_yaw(1.0, 2.0, math.radians(yaw_deg), 0.5)
    MapToOdom().update(with_tree(opened, tree), accepted(pose))
    ((T_map_odom, _, _, _),) = tree.sent
    chained = T_map_odom.compose(T_ODOM_BASE)
    assert chained.distance_m(pose) < 1e-9
    assert chained.angle_rad(pose) < 1e-9


def test_odometry_is_asked_for_the_time_of_the_image_and_the_transform_holds_a_little_longer(
    opened: LocalizerSetup,
) -> None:
    tree = Tree()
    MapToOdom().update(with_tree(opened, tree, tf_tolerance_s=0.25), accepted())
    assert tree.asked == [("odom_combined", "base_footprint", STAMP_NS)]
    _, parent, child, stamp_ns = tree.sent[0]
    assert (parent, child) == ("map", "odom_combined")
    assert stamp_ns == STAMP_NS + 250_000_000


def test_the_parent_is_the_frame_the_poses_are_published_in(opened: LocalizerSetup) -> None:
    tree = Tree()
    MapToOdom().update(with_tree(opened, tree, map_frame="site"), accepted())
    assert tree.sent[0][1] == "site"


def test_between_accepted_poses_the_last_correction_stays(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, rejected())
    assert tree.sent == []
    correction.update(setup, accepted())
    later = replace(rejected(HERE), stamp_ns=STAMP_NS + 10**9)
    correction.update(setup, later)
    assert len(tree.asked) == 1
    assert tree.sent[1][0] == tree.sent[0][0]
    assert tree.sent[1][3] - tree.sent[0][3] == 10**9


def test_a_pose_without_orientation_corrects_nothing(opened: LocalizerSetup) -> None:
    tree = Tree()
    MapToOdom().update(with_tree(opened, tree), accepted(Pose((1.0, 2.0, 3.0)), orientation_known=False))
    assert not tree.asked and not tree.sent


def test_a_new_correction_replaces_the_old_one(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted())
    correction.update(setup, accepted(Pose.from_xy_yaw(50.0, 0.0, 0.0)))
    assert tree.sent[1][0].compose(T_ODOM_BASE).distance_m(Pose((50.0, 0.0, 0.0))) < 1e-9


def test_what_is_forgotten_is_not_sent_again(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted())
    correction.forget()
    correction.update(setup, rejected())
    assert len(tree.sent) == 1


def test_odometry_that_tf_does_not_have_is_named_with_what_to_do(opened: LocalizerSetup) -> None:
    tree = Tree(None)
    with pytest.raises(ConfigError, match="odom_combined -> base_footprint, which TF does not have") as caught:
        MapToOdom().update(with_tree(opened, tree), accepted())
    assert "odom_frame" in caught.value.remedy
    assert "publish_tf" in caught.value.remedy
    assert tree.sent == []


def test_the_last_correction_survives_odometry_that_is_missing_for_a_moment(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted())
    tree.T_odom_base = None
    with pytest.raises(ConfigError):
        correction.update(setup, accepted(Pose.from_xy_yaw(50.0, 0.0, 0.0)))
    correction.update(setup, rejected())
    assert tree.sent[-1][0] == tree.sent[0][0]


def test_nothing_is_asked_or_sent_unless_wanted(opened: LocalizerSetup) -> None:
    tree = Tree()
    MapToOdom().update(with_tree(opened, tree, publish_tf=False), accepted())
    assert not tree.asked and not tree.sent
    MapToOdom().update(some_setup(opened.place_map.path, None, opened, publish_tf=True), accepted())
