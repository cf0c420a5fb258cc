# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
from vpr_ros.ros.localizer import map_to_odom
from vpr_ros.ros.localizer.map_to_odom import MapToOdom
from vpr_ros.ros.localizer.parameters import Value
from vpr_ros.ros.localizer.setup import LocalizerSetup

T_ODOM_BASE = Pose.from_xy_yaw(10.0, 3.0, math.radians(-170.0))
NOW_NS = 7_000_000_000
SECOND = 1_000_000_000


class Tree:
    """Knows where odometry believes the robot is at some moments, as a TF tree does, and keeps what is broadcast."""

    def __init__(self, *moments_ns: int) -> None:
        self.known = dict.fromkeys(moments_ns or (STAMP_NS,), T_ODOM_BASE)
        self.asked: list[tuple[str, str, int]] = []
        self.sent: list[tuple[Pose, str, str, int]] = []

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose:
        self.asked.append((target, source, stamp_ns))
        if stamp_ns not in self.known:
            raise ConfigError(f"TF has no transform {target} -> {source}: too late", "Start what publishes it")
        return self.known[stamp_ns]

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
    tree, pose, correction = Tree(), Pose.from_xy_yaw(1.0, 2.0, math.radians(yaw_deg), 0.5), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted(pose), NOW_NS)
    assert correction.send(setup, NOW_NS)
    ((T_map_odom, _, _, _),) = tree.sent
    chained = T_map_odom.compose(T_ODOM_BASE)
    assert chained.distance_m(pose) < 1e-9
    assert chained.angle_rad(pose) < 1e-9


def test_odometry_is_asked_for_the_time_of_the_image_and_the_transform_holds_a_little_longer(
    opened: LocalizerSetup,
) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree, tf_tolerance_s=0.25)
    correction.update(setup, accepted(), NOW_NS)
    correction.send(setup, NOW_NS)
    assert tree.asked == [("odom_combined", "base_footprint", STAMP_NS)]
    _, parent, child, stamp_ns = tree.sent[0]
    assert (parent, child) == ("map", "odom_combined")
    assert stamp_ns == STAMP_NS + 250_000_000


def test_the_parent_is_the_frame_the_poses_are_published_in(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree, map_frame="site")
    correction.update(setup, accepted(), NOW_NS)
    correction.send(setup, NOW_NS)
    assert tree.sent[0][1] == "site"


@pytest.mark.parametrize(
    ("map_frame", "odom_frame", "named"),
    [("odom", "odom", "odom_frame"), ("/odom", "odom", "odom_frame"), ("base_footprint", "odom", "base_frame")],
)
def test_a_frame_is_not_related_to_itself(opened: LocalizerSetup, map_frame: str, odom_frame: str, named: str) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree, map_frame=map_frame, odom_frame=odom_frame)
    correction.update(setup, accepted(), NOW_NS)
    with pytest.raises(ConfigError, match=f"publish_tf relates {map_frame!r} to 'odom'.*is {named}") as caught:
        correction.send(setup, NOW_NS)
    assert "Set map_frame, for example to map" in caught.value.remedy
    assert tree.sent == []


def test_between_accepted_poses_the_last_correction_stays_and_its_stamps_follow_the_clock(
    opened: LocalizerSetup,
) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, rejected(), NOW_NS)
    assert not correction.send(setup, NOW_NS)
    assert tree.sent == []
    correction.update(setup, accepted(), NOW_NS)
    correction.send(setup, NOW_NS)
    correction.send(setup, NOW_NS + 50_000_000)
    later = replace(rejected(HERE), stamp_ns=STAMP_NS + SECOND)
    correction.update(setup, later, NOW_NS + 2 * SECOND)
    correction.send(setup, NOW_NS + 2 * SECOND)
    assert len(tree.asked) == 1
    assert len({sent[0] for sent in tree.sent}) == 1
    assert [sent[3] - tree.sent[0][3] for sent in tree.sent] == [0, 50_000_000, SECOND]


def test_no_time_is_sent_twice_though_the_clock_stands_still(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted(), NOW_NS)
    for clock_ns in (NOW_NS, NOW_NS, NOW_NS - SECOND):
        correction.send(setup, clock_ns)
    assert len(tree.sent) == 1


def test_an_image_before_the_first_clock_does_not_lead_into_the_future(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree, tf_tolerance_s=0.0)
    correction.update(setup, accepted(), 0)
    correction.send(setup, STAMP_NS)
    correction.update(setup, replace(rejected(HERE), stamp_ns=STAMP_NS + 5), STAMP_NS + 10)
    correction.send(setup, STAMP_NS + 11)
    assert [sent[3] - STAMP_NS for sent in tree.sent] == [0, 6]


def test_a_pose_waits_for_its_odometry_and_the_newest_that_has_it_wins(opened: LocalizerSetup) -> None:
    tree, correction = Tree(0), MapToOdom()
    setup = with_tree(opened, tree)
    for step in range(3):
        pose = Pose.from_xy_yaw(float(step), 0.0, 0.0)
        correction.update(setup, replace(accepted(pose), stamp_ns=STAMP_NS + step), NOW_NS)
        assert not correction.send(setup, NOW_NS)
    assert tree.sent == []
    tree.known |= {STAMP_NS: T_ODOM_BASE, STAMP_NS + 1: T_ODOM_BASE}
    assert correction.send(setup, NOW_NS)
    assert tree.sent[0][0].compose(T_ODOM_BASE).distance_m(Pose((1.0, 0.0, 0.0))) < 1e-9
    tree.known[STAMP_NS + 2] = T_ODOM_BASE
    assert correction.send(setup, NOW_NS + 1)
    assert tree.sent[1][0].compose(T_ODOM_BASE).distance_m(Pose((2.0, 0.0, 0.0))) < 1e-9
    assert not correction.send(setup, NOW_NS + 2), "nothing waits any more"


def test_a_pose_without_orientation_corrects_nothing(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted(Pose((1.0, 2.0, 3.0)), orientation_known=False), NOW_NS)
    correction.send(setup, NOW_NS)
    assert not tree.asked and not tree.sent


def test_what_is_forgotten_is_not_sent_again(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted(), NOW_NS)
    correction.send(setup, NOW_NS)
    correction.forget()
    correction.update(setup, rejected(), NOW_NS)
    correction.send(setup, NOW_NS + SECOND)
    assert len(tree.sent) == 1


@pytest.mark.parametrize("changed", ["map_frame", "odom_frame", "base_frame"])
def test_what_was_composed_between_other_frames_is_forgotten(opened: LocalizerSetup, changed: str) -> None:
    tree, correction = Tree(), MapToOdom()
    correction.update(with_tree(opened, tree), accepted(), NOW_NS)
    correction.send(with_tree(opened, tree), NOW_NS)
    correction.send(with_tree(opened, tree, **{changed: "another"}), NOW_NS + SECOND)
    assert len(tree.sent) == 1


def test_odometry_that_never_comes_is_named_with_what_to_do(
    opened: LocalizerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, correction = Tree(0), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted(), NOW_NS)
    assert not correction.send(setup, NOW_NS), "it may still come"
    monkeypatch.setattr(map_to_odom, "PATIENCE_S", 0.0)
    with pytest.raises(ConfigError, match="TF has no transform odom_combined -> base_footprint: too late") as caught:
        correction.send(setup, NOW_NS)
    assert "odom_frame" in caught.value.remedy
    assert "publish_tf" in caught.value.remedy
    assert tree.sent == []
    assert not correction.send(setup, NOW_NS), "said once for each pose"


def test_the_last_correction_survives_odometry_that_is_missing_for_a_moment(
    opened: LocalizerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree)
    correction.update(setup, accepted(), NOW_NS)
    correction.send(setup, NOW_NS)
    monkeypatch.setattr(map_to_odom, "PATIENCE_S", 0.0)
    unmet = replace(accepted(Pose.from_xy_yaw(50.0, 0.0, 0.0)), stamp_ns=STAMP_NS + SECOND)
    correction.update(setup, unmet, NOW_NS + SECOND)
    with pytest.raises(ConfigError):
        correction.send(setup, NOW_NS + SECOND)
    assert len(tree.sent) == 2
    assert tree.sent[1][0] == tree.sent[0][0]


def test_nothing_is_asked_or_sent_unless_wanted(opened: LocalizerSetup) -> None:
    tree, correction = Tree(), MapToOdom()
    setup = with_tree(opened, tree, publish_tf=False)
    correction.update(setup, accepted(), NOW_NS)
    assert not correction.send(setup, NOW_NS)
    assert not tree.asked and not tree.sent
    without = some_setup(opened.place_map.path, None, opened, publish_tf=True)
    correction.update(without, accepted(), NOW_NS)
    assert not correction.send(without, NOW_NS)
