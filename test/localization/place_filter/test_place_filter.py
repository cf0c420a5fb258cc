# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is believed after a drive: along one street of 400 m with a twin, whose images the test makes up."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.localization.candidates import Candidates
from vpr_ros.localization.place_filter import Believed, FilterConfig, OdometryReading, PlaceFilter

STREET = np.column_stack([np.arange(400.0), np.zeros((400, 2))])
RADIUS_M = 3.0
ACCEPTED = 0.5


def asked(*places: tuple[float, float], filler: int = 5, seed: int = 0) -> tuple[Candidates, npt.NDArray[np.float64]]:
    """An image: (where along the street, probability) of its candidates, and some unlikely ones anywhere."""
    anywhere = np.random.default_rng(seed).integers(0, 400, filler)
    indices = np.array([*(round(along_m) for along_m, _ in places), *anywhere])
    probability = np.array([*(p for _, p in places), *[0.01] * filler])
    ahead = np.tile([0.0, 0.0, 0.0, 1.0], (len(indices), 1))
    return Candidates(indices, np.linspace(0.9, 0.5, len(indices)), STREET[indices], ahead), probability


@dataclass
class Robot:
    """Drives, is asked about images, and keeps what was published."""

    place_filter: PlaceFilter = field(default_factory=lambda: PlaceFilter(STREET, RADIUS_M))
    along_m: float = 0.0
    wheels_m: float = 0.0
    second: float = 0.0
    has_odometry: bool = True

    def sees(self, *places: tuple[float, float], moved_m: float = 2.0, after_s: float = 1.0) -> Believed:
        """Drive on, and take an image."""
        self.along_m += moved_m
        self.wheels_m += moved_m
        self.second += after_s
        reading = OdometryReading(Pose((self.wheels_m, 0.0, 0.0))) if self.has_odometry else None
        self.place_filter.drive(lambda: reading)
        return self.place_filter.update(round(self.second * NS_PER_S), *asked(*places, seed=round(self.along_m)))

    def publishes(self, *places: tuple[float, float], moved_m: float = 2.0) -> float | None:
        """Where an accepted answer to the next image lies along the street; None where it is refused."""
        believed = self.sees(*places, moved_m=moved_m)
        pose = Pose((places[believed.first][0] if believed.first < len(places) else np.nan, 0.0, 0.0))
        if believed.probabilities[believed.first] < ACCEPTED or self.place_filter.impossible(pose) is not None:
            return None
        return pose.position_m[0]

    def follows(self, images: int, probability: float = 0.8) -> None:
        """Drive along the street, and be right."""
        for _ in range(images):
            here = self.along_m + 2.0
            assert self.publishes((here, probability)) == pytest.approx(here, abs=1.0)


def test_the_first_image_is_believed_as_far_as_it_is_probable() -> None:
    believed = Robot().sees((100.0, 0.7))
    assert believed.probabilities[0] == 0.7 and not believed.by_sequence
    assert believed.hypotheses[0].T_map_base.position_m[0] == pytest.approx(100.0, abs=0.1)
    assert believed.hypotheses[0].mass == pytest.approx(0.7, abs=0.05)
    assert believed.off_map + believed.elsewhere + sum(h.mass for h in believed.hypotheses) == pytest.approx(
        1, abs=0.05
    )


def test_what_agrees_with_the_drive_becomes_certain_and_what_does_not_is_doubted() -> None:
    robot = Robot(along_m=50.0)
    robot.follows(4, probability=0.6)
    assert robot.sees((60.0, 0.6)).probabilities[0] > 0.95
    doubted = robot.sees((300.0, 0.6), (62.0, 0.2))  # the look-alike comes first
    assert doubted.first == 1 and doubted.probabilities[1] > 0.9 and doubted.probabilities[0] < 0.3
    assert doubted.by_sequence and doubted.hypotheses[0].frame_index == pytest.approx(62, abs=1)


def test_twins_stay_two_hypotheses_until_something_tells_them_apart() -> None:
    robot = Robot(along_m=100.0)
    for _ in range(5):
        here = robot.along_m + 2.0
        believed = robot.sees((here, 0.45), (here + 150.0, 0.45))
    assert [round(h.mass, 1) for h in believed.hypotheses[:2]] == [0.5, 0.5]
    told = robot.sees((112.0, 0.8), (262.0, 0.1))
    assert told.hypotheses[0].mass > 0.9 and told.hypotheses[0].frame_index == 112


def test_a_kidnapped_robot_is_believed_after_some_images_and_not_at_once() -> None:
    robot = Robot(along_m=50.0)
    robot.follows(5)
    robot.along_m = 250.0  # and the wheels do not turn
    answers = []
    for _ in range(6):
        here = robot.along_m + 2.0
        answers.append(robot.publishes((here, 0.9)))
    assert answers[0] is None and answers[-1] == pytest.approx(robot.along_m)
    assert 1 <= sum(answer is None for answer in answers) <= 3


def test_poor_images_of_elsewhere_never_sum_up_to_a_pose() -> None:
    robot = Robot(along_m=50.0)
    robot.follows(5)
    robot.along_m = 250.0
    assert [robot.publishes((robot.along_m + 2.0, 0.1)) for _ in range(10)] == [None] * 10


def test_off_the_map_nothing_is_published_and_the_way_back_is_found() -> None:
    robot = Robot(along_m=380.0)
    robot.follows(5)
    rng = np.random.default_rng(4)
    for _ in range(20):
        assert robot.publishes((float(rng.integers(0, 380)), 0.1)) is None
    last = robot.place_filter.last
    assert last is not None and last.off_map > 0.8
    robot.along_m = robot.wheels_m = 300.0  # back by a way that odometry saw
    robot.place_filter.reset()
    robot.follows(3, probability=0.9)


def test_a_standing_robot_learns_nothing_from_the_same_view() -> None:
    robot = Robot(along_m=100.0)
    first = robot.sees((102.0, 0.6))
    for _ in range(20):
        again = robot.sees((102.0, 0.6), moved_m=0.0, after_s=0.05)
    assert again.hypotheses[0].mass < first.hypotheses[0].mass + 0.25
    moving = Robot(along_m=100.0)
    for _ in range(20):
        driven = moving.sees((moving.along_m + 2.0, 0.6))
    assert driven.hypotheses[0].mass > 0.98


def test_a_standing_robot_learns_no_more_from_two_cameras_that_see_different_frames() -> None:
    robot = Robot(along_m=100.0)
    views = {"front": asked((101.0, 0.1), seed=1), "rear": asked((103.0, 0.1), seed=2)}
    masses = []
    for turn in range(20):
        for number, (camera, view) in enumerate(views.items()):
            robot.place_filter.drive(lambda: OdometryReading(Pose((0.0, 0.0, 0.0))))
            stamp_ns = round((0.1 * turn + 0.02 * number) * NS_PER_S)
            masses.append(robot.place_filter.update(stamp_ns, *view, camera).hypotheses[0].mass)
    assert masses[-1] < masses[1] + 0.1


@pytest.mark.parametrize(("step_s", "why"), [(-5.0, "time ran back"), (900.0, "time jumped ahead")])
def test_a_jump_of_time_begins_anew_and_is_counted(step_s: float, why: str) -> None:
    robot = Robot(along_m=50.0)
    robot.follows(5)
    believed = robot.sees((300.0, 0.7), after_s=step_s)
    assert believed.probabilities[0] == 0.7 and believed.motion == "the first image"
    assert robot.place_filter.restarts == {why: 1}


def test_images_of_two_cameras_may_come_out_of_order() -> None:
    robot = Robot(along_m=50.0)
    robot.follows(5)
    believed = robot.sees((62.0, 0.8), after_s=-0.05)
    assert believed.by_sequence and not robot.place_filter.restarts


def test_reset_forgets_before_the_next_image() -> None:
    robot = Robot(along_m=50.0)
    robot.follows(5)
    robot.place_filter.reset()
    assert robot.place_filter.last is None
    assert robot.sees((300.0, 0.7)).probabilities[0] == 0.7


def test_without_odometry_the_robot_may_have_gone_as_far_as_it_can() -> None:
    robot = Robot(PlaceFilter(STREET, RADIUS_M, FilterConfig(top_speed_mps=5.0)), along_m=50.0, has_odometry=False)
    robot.follows(6, probability=0.7)
    believed = robot.sees((robot.along_m + 2.0, 0.4), (300.0, 0.5))
    assert believed.first == 0 and believed.probabilities[0] > 0.6
    assert believed.motion == "no odometry at the time of the image"
    robot.along_m = 300.0
    believed = robot.sees((302.0, 0.95))
    assert robot.place_filter.impossible(Pose((302.0, 0.0, 0.0))) is None  # nobody knows that it did not fly


def test_a_map_of_positions_alone_is_followed_by_distance() -> None:
    robot = Robot(along_m=50.0)
    for _ in range(6):
        candidates, probability = asked((robot.along_m + 2.0, 0.7))
        candidates.quat_xyzw[:] = np.nan
        robot.along_m += 2.0
        robot.second += 1.0
        robot.place_filter.drive(lambda: OdometryReading(Pose((robot.along_m, 0.0, 0.0))))
        believed = robot.place_filter.update(round(robot.second * NS_PER_S), candidates, probability)
        assert robot.place_filter.impossible(Pose((robot.along_m, 0.0, 0.0), None)) is None
    assert believed.probabilities[0] > 0.9
    assert not believed.hypotheses[0].T_map_base.has_orientation


def _given(reading: OdometryReading) -> OdometryReading:
    return reading


def test_a_million_frames_cost_their_index_and_no_more() -> None:
    along_m = np.linspace(0.0, 1e6, 1_000_000)
    frames = np.column_stack([along_m, 50.0 * np.sin(along_m / 300.0), np.zeros(len(along_m))])
    place_filter = PlaceFilter(frames, 5.0)
    candidates = Candidates(
        np.arange(0, 200_000, 10_000),
        np.linspace(0.9, 0.5, 20),
        frames[:200_000:10_000],
        np.tile([0.0, 0.0, 0.0, 1.0], (20, 1)),
    )
    probability = np.linspace(0.5, 0.01, 20)
    tracemalloc.start()
    spent_s = []
    for number in range(40):
        reading = OdometryReading(Pose((float(number), 0.0, 0.0)))
        place_filter.drive(partial(_given, reading))
        before_s = time.thread_time()
        place_filter.update(number * NS_PER_S, candidates, probability)
        spent_s.append(time.thread_time() - before_s)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2_000_000, peak_bytes
    assert np.median(spent_s) < 0.05, spent_s
