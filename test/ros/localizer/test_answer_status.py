# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A status for every image: one level, one sentence, and the values an operator asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from some_answers import HERE, STAMP_NS, accepted, rejected, some_matches

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.localization.camera_vote import CameraVote
from vpr_ros.localization.place_filter.belief import Hypothesis
from vpr_ros.localization.result import SequenceAnswer
from vpr_ros.maps.promise import Vouched
from vpr_ros.ros.localizer.answer_status import answered_status, failed_status, silent_status
from vpr_ros.ros.messages import to_time

NODE = "/robot/vpr_localizer"


def values(array: DiagnosticArray) -> dict[str, str]:
    return {pair.key: pair.value for pair in array.status[0].values}


def test_an_accepted_answer_is_ok_with_everything_known_of_it() -> None:
    votes = (CameraVote("front", 0.9, 2.2, 0.0, True), CameraVote("rear", 0.8, -1.4, 41.23, False))
    promise = Vouched(0.01, 0.01, 62.0, "held_out")
    array = answered_status(NODE, replace(accepted(), votes=votes, proof=64.0, promise=promise), 12.34)
    assert array.header.stamp == to_time(STAMP_NS)
    assert array.status[0].level == DiagnosticStatus.OK
    assert (array.status[0].name, array.status[0].hardware_id) == (f"{NODE}: answer", NODE)
    assert array.status[0].message == "similarity 0.90, probability 0.88, front of 2 cameras agree: accepted"
    by_all = SequenceAnswer((Hypothesis(HERE, 0.8, 40),), 0.04, True, "by odometry", 40, 0.6, None)
    of_a_sequence = values(answered_status(NODE, replace(accepted(), sequence=by_all), 12.34))
    assert of_a_sequence["probability off the map"] == "0.040"
    assert (of_a_sequence["judged by"], of_a_sequence["motion"]) == ("the sequence", "by odometry")
    assert values(array) == {
        "decision": "accepted",
        "camera": "front",
        "camera front": "agrees, probability 0.90",
        "camera rear": "contradicts, probability 0.80, best match 41.2 m away",
        "probability": "0.875",
        "pose source": "retrieved",
        "inliers": "0",
        "proof [inliers]": "64",
        "promise": "1 % wrong places from 62 inliers on",
        "similarity": "0.900",
        "best match": "texture 0",
        "sigma position [m]": "4.480",
        "sigma heading [deg]": "445.10",
        "latency [ms]": "12.3",
    }


def test_a_rejected_one_warns_with_its_type_and_its_reason() -> None:
    array = answered_status(NODE, rejected(HERE, matches=some_matches()), 1.0)
    assert array.status[0].level == DiagnosticStatus.WARN
    assert values(array)["decision"] == "improbable"
    assert "another place looks almost as similar" in array.status[0].message
    nothing = values(answered_status(NODE, rejected(), 1.0))
    assert (nothing["decision"], nothing["pose source"], nothing["promise"]) == ("no_candidate", "none", "none")


def test_an_image_without_an_answer_is_an_error_and_no_image_is_stale() -> None:
    failed = failed_status(NODE, "front", STAMP_NS, FrameDecodeError("a torn image", "Send whole ones"))
    assert failed.status[0].level == DiagnosticStatus.ERROR
    assert failed.status[0].message.startswith("a torn image")
    assert values(failed) == {"decision": "failed image_unreadable", "camera": "front"}
    silent = silent_status(NODE, STAMP_NS, 3.21)
    assert silent.status[0].level == DiagnosticStatus.STALE
    assert (silent.status[0].message, values(silent)) == ("no image for 3.2 s", {"decision": "silent"})
    assert silent_status(NODE, STAMP_NS, None).status[0].message == "no image yet"
