# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Averaging and SeqSLAM on similarities that the test makes up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vpr_ros.evaluation.sequence.along_track import Track, averaged, seqslam

FRAMES = 200


def street_track(drives: int = 1) -> Track:
    along_m = np.tile(np.arange(FRAMES / drives), drives)
    session = np.repeat(np.arange(drives), FRAMES // drives)
    return Track.of(session, np.arange(FRAMES), np.column_stack([along_m, np.zeros((FRAMES, 2))]))


def noisy(truth: npt.NDArray[np.int64], strength: float = 1.0) -> npt.NDArray[np.float64]:
    """(Q, N) similarities in which every second image is fooled by another frame."""
    similarities = np.random.default_rng(3).normal(0.0, 0.3, (len(truth), FRAMES))
    similarities[np.arange(len(truth)), truth] += strength
    fooled = np.arange(0, len(truth), 2)
    similarities[fooled, (31 * fooled) % FRAMES] += strength + 0.5
    return similarities


@pytest.mark.parametrize("match", [averaged, seqslam])
@pytest.mark.parametrize("with_odometry", [True, False])
def test_a_sequence_finds_what_single_images_miss(match: object, with_odometry: bool) -> None:
    truth = np.arange(60, 100)
    similarities = noisy(truth)
    alone = similarities.argmax(axis=1)
    travelled_m = np.arange(len(truth), dtype=np.float64) if with_odometry else None
    found = (averaged if match is averaged else seqslam)(similarities, travelled_m, street_track())
    assert np.mean(alone == truth) < 0.6
    assert np.mean(np.abs(found.frame - truth)[9:] <= 1) > 0.9
    assert found.score.shape == truth.shape


def test_odometry_says_how_far_behind_the_images_before_lie() -> None:
    truth = np.arange(20, 180, 4)
    travelled_m = 4.0 * np.arange(len(truth), dtype=np.float64)
    by_odometry = averaged(noisy(truth), travelled_m, street_track())
    assert np.mean(by_odometry.frame[9:] == truth[9:]) > 0.9


def test_no_sequence_runs_from_one_drive_into_the_next() -> None:
    track = street_track(drives=2)
    found, there = track.behind(5.0)
    assert not there[100:103].any() and there[106:].all() and not there[:3].any()
    assert (found[106:] == np.arange(101, 195)).all()
