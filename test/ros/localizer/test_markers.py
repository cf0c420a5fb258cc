# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What RViz draws: every marker in the map's frame and at the image's time, and nothing that RViz refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from some_answers import HERE, STAMP_NS, WHERE_ONLY, accepted, rejected, some_matches

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from visualization_msgs.msg import Marker

from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.localization.place_filter.belief import Hypothesis
from vpr_ros.localization.result import SequenceAnswer
from vpr_ros.ros.localizer.marker_parts import ACCEPTED_RGB, REJECTED_RGB, probability_rgb
from vpr_ros.ros.localizer.markers import answer_text, to_markers
from vpr_ros.ros.localizer.operator_markers import MOST_PLACES, hypotheses
from vpr_ros.ros.messages import to_header, to_pose_message


def drawn(localization: Localization, scale_m: float = 1.0) -> dict[str, Marker]:
    """The markers by namespace, without the first, which clears."""
    return {marker.ns: marker for marker in to_markers(localization, "site", scale_m).markers[1:]}


@pytest.mark.parametrize("answer", [accepted(), rejected(), rejected(HERE, matches=some_matches())])
def test_what_was_drawn_before_goes_and_everything_has_frame_and_time(answer: Localization) -> None:
    markers = to_markers(answer, "site", 1.0).markers
    assert [marker.action for marker in markers] == [Marker.DELETEALL] + [Marker.ADD] * (len(markers) - 1)
    for marker in markers:
        assert marker.header == to_header(STAMP_NS, "site")
        turn = marker.pose.orientation
        assert np.linalg.norm([turn.x, turn.y, turn.z, turn.w]) == pytest.approx(1.0)
    assert len({(marker.ns, marker.id) for marker in markers}) == len(markers)


def test_one_scale_of_colours_for_the_verdict_and_the_probability() -> None:
    assert probability_rgb(0.0) == pytest.approx(REJECTED_RGB)
    assert probability_rgb(1.0) == pytest.approx(ACCEPTED_RGB)
    assert probability_rgb(0.25) == pytest.approx(0.75 * np.array(REJECTED_RGB) + 0.25 * np.array(ACCEPTED_RGB))


def test_the_belief_is_one_sphere_per_match_greener_the_likelier() -> None:
    belief = drawn(accepted(), 2.0)["belief"]
    assert belief.type == Marker.SPHERE_LIST
    assert [(point.x, point.y, point.z) for point in belief.points] == [HERE.position_m, WHERE_ONLY.position_m]
    assert len(belief.colors) == 2
    assert (belief.colors[0].r, belief.colors[0].g, belief.colors[0].b) == pytest.approx(probability_rgb(0.75))
    assert belief.colors[0].g > belief.colors[1].g
    assert belief.colors[0].r < belief.colors[1].r
    assert min(belief.scale.x, belief.scale.y, belief.scale.z) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("answer", "rgb"), [(accepted(), ACCEPTED_RGB), (rejected(HERE, matches=some_matches()), REJECTED_RGB)]
)
def test_the_arrow_stands_at_the_pose_in_the_colour_of_the_verdict(
    answer: Localization, rgb: tuple[float, float, float]
) -> None:
    markers = drawn(answer, 3.0)
    arrow, label = markers["match"], markers["label"]
    assert arrow.type == Marker.ARROW
    assert arrow.pose == to_pose_message(HERE)
    assert (arrow.scale.x, arrow.scale.y) == (3.0, pytest.approx(0.9))
    assert [arrow.color.r, arrow.color.g, arrow.color.b, arrow.color.a] == pytest.approx([*rgb, 1.0])
    assert label.type == Marker.TEXT_VIEW_FACING
    assert label.scale.z > 0
    assert label.pose.position.z > arrow.pose.position.z
    assert label.text == answer_text(answer)


@pytest.mark.parametrize("yaw_deg", [-135.0, -90.0, 0.0, 30.0, 90.0, 180.0])
def test_the_label_stands_clear_of_the_track_it_is_on(yaw_deg: float) -> None:
    """Seen from above, north up: a letter is about 0.6 of its height wide, and the text is centred on its place."""
    here = Pose.from_rotation((10.0, 20.0, 0.0), Rotation.from_euler("z", yaw_deg, degrees=True))
    label = drawn(accepted(here), 3.0)["label"]
    half = 0.5 * label.scale.z * np.array([0.6 * len(label.text), 1.0])
    middle = np.array([label.pose.position.x, label.pose.position.y]) - (10.0, 20.0)
    left_of_track = np.array([-math.sin(math.radians(yaw_deg)), math.cos(math.radians(yaw_deg))])
    corners = [middle + half * sign for sign in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    assert max(float(corner @ left_of_track) for corner in corners) < 0.0
    assert np.linalg.norm(middle) < 3.0 + np.linalg.norm(half), "and near it"


def test_a_rejected_answer_without_a_pose_points_at_its_best_match() -> None:
    markers = drawn(rejected(matches=some_matches()))
    assert markers["match"].pose == to_pose_message(HERE)
    assert markers["label"].text == "unknown, p = 0.12"


def test_without_a_match_there_is_nothing_to_draw() -> None:
    """A list of spheres without a sphere is an error in RViz's list of displays."""
    assert drawn(rejected()) == {}


@pytest.mark.parametrize(
    "answer",
    [accepted(Pose(WHERE_ONLY.position_m), orientation_known=False), rejected(matches=some_matches([WHERE_ONLY]))],
)
def test_an_unknown_heading_is_a_ball_and_not_an_arrow_to_the_east(answer: Localization) -> None:
    ball = drawn(answer)["match"]
    assert ball.type == Marker.SPHERE
    assert ball.scale.x == ball.scale.y == ball.scale.z > 0
    assert ball.pose == to_pose_message(WHERE_ONLY)


def test_probabilities_that_are_no_colour_are_still_drawn() -> None:
    matches = tuple(replace(some_matches()[0], probability=value) for value in (math.nan, 1.0 + 1e-9, -1e-9))
    for color in drawn(accepted(matches=matches))["belief"].colors:
        for value in (color.r, color.g, color.b, color.a):
            assert 0.0 <= value <= 1.0


@pytest.mark.parametrize("answer", [accepted(), rejected(HERE, matches=some_matches())])
def test_the_bar_is_as_long_as_the_answer_is_probable(answer: Localization) -> None:
    whole, part = (m for m in to_markers(answer, "site", 2.0).markers if m.ns == "probability")
    assert whole.scale.x == pytest.approx(4.0)
    assert part.scale.x == pytest.approx(4.0 * answer.probability)
    assert part.pose.position.x - part.scale.x / 2 == pytest.approx(whole.pose.position.x - whole.scale.x / 2)
    reasons = [m.text for m in to_markers(answer, "site", 2.0).markers if m.ns == "reason"]
    assert reasons == ([] if answer.accepted else ["another place looks almost as similar"])


def test_the_ellipse_holds_95_percent_along_its_axes() -> None:
    turn = Rotation.from_euler("z", 0.5).as_matrix()[:2, :2]
    covariance = np.eye(6)
    covariance[:2, :2] = turn @ np.diag([4.0, 1.0]) @ turn.T
    ellipse = drawn(replace(accepted(), covariance=covariance))["covariance"]
    assert (ellipse.scale.x, ellipse.scale.y) == (pytest.approx(4 * 5.991**0.5), pytest.approx(2 * 5.991**0.5))
    yaw_rad = 2 * math.atan2(ellipse.pose.orientation.z, ellipse.pose.orientation.w)
    assert math.sin(yaw_rad - 0.5) == pytest.approx(0.0, abs=1e-6)


def test_a_hypothesis_is_a_sphere_the_larger_the_likelier_and_a_place_is_one() -> None:
    x_m, y_m, z_m = HERE.position_m
    matches = some_matches([HERE, Pose((x_m + 0.5, y_m, z_m)), WHERE_ONLY])
    spheres = [m for m in to_markers(accepted(matches=matches), "site", 1.0).markers if m.ns == "hypotheses"]
    assert [sphere.pose.position.x for sphere in spheres] == [HERE.position_m[0], WHERE_ONLY.position_m[0]]
    assert spheres[0].scale.x > spheres[1].scale.x > 0.0


def test_however_many_frames_are_retrieved_so_many_places_are_drawn() -> None:
    far_apart = [Pose((10.0 * number, 0.0, 0.0)) for number in range(3 * MOST_PLACES)]
    assert len(hypotheses(accepted(matches=some_matches(far_apart)), 1.0)) == MOST_PLACES


def test_where_a_filter_believes_its_hypotheses_are_drawn_in_place_of_the_matches() -> None:
    elsewhere = Pose((70.0, 1.0, 0.0))
    believed = SequenceAnswer((Hypothesis(elsewhere, 0.9, 7),), 0.05, True, "by odometry", 40, 0.6, None)
    markers = to_markers(replace(accepted(), sequence=believed), "site", 1.0).markers
    assert [m.pose.position.x for m in markers if m.ns == "hypotheses"] == [70.0]


def test_the_answer_in_words() -> None:
    assert answer_text(accepted()) == "p = 0.88"
    assert answer_text(rejected()) == "unknown, p = 0.12"
