# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map vouches for, by whom it was taught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vpr_ros.maps.promise import RATES, Drive, Promise, Vouched
from vpr_ros.maps.tally import Tally


def all_wrong(*proofs: float, unproved: int = 0) -> Tally:
    proof = np.array([*proofs, *[0.0] * unproved])
    return Tally.of(proof, np.ones(len(proof), dtype=bool))


def drive(right: int, wrong: int = 0, proof: float = 80.0) -> Drive:
    proofs = np.full(right + wrong, proof)
    return Drive("night", "2026-11-27T08:00:00+00:00", Tally.of(proofs, np.arange(right + wrong) < wrong), 2, "night")


def test_a_map_that_was_never_asked_takes_what_other_maps_taught() -> None:
    assert Promise().vouched(0.01, 0.1) == Vouched(0.01, 0.01, 95.0, "default")
    assert Promise().source == "default"


def test_hundreds_of_inliers_are_enough_for_any_map() -> None:
    """A map too small to ask itself must not refuse what is proved beyond doubt."""
    vouched = Promise().vouched(0.01, 0.1)
    assert vouched is not None and vouched.least_proof < 150


def test_places_that_look_alike_raise_what_is_asked_for() -> None:
    unlike, alike = (Promise(all_wrong(*proofs, unproved=50)).vouched(0.01, 0.1) for proofs in ((), (120.0, 118.0)))
    assert unlike is not None and alike is not None
    assert (unlike.source, alike.source) == ("held_out", "held_out")
    assert unlike.least_proof < 95.0 < alike.least_proof == 125.0


def test_a_looser_rate_forgives_a_few_pairs_that_look_alike() -> None:
    promise = Promise(all_wrong(120.0, 118.0, unproved=98))
    lines = [promise.vouched(rate, 0.1) for rate in (0.01, 0.02, 0.05)]
    assert [round(line.least_proof) for line in lines if line] == [125, 84, 50]


def test_what_looks_like_its_mirror_image_counts_too() -> None:
    vouched = Promise(all_wrong(unproved=50), all_wrong(*[160.0] * 30)).vouched(0.01, 0.1)
    assert vouched is not None and vouched.least_proof == 0.75 * 165.0


def test_a_map_that_finds_every_place_alike_promises_nothing() -> None:
    assert Promise(all_wrong(*[5000.0] * 50)).vouched(0.01, 0.1) is None


def test_the_tightest_rate_that_can_be_vouched_for_is_used_and_said() -> None:
    vouched = Promise().vouched(0.001, 0.1)
    assert vouched is not None and not vouched.is_as_asked
    assert (vouched.rate, vouched.asked_rate) == (0.01, 0.001)
    generous = Promise().vouched(0.5, 0.1)
    assert generous is not None and generous.is_as_asked and generous.rate == 0.1


@pytest.mark.parametrize("delta", [0.05, 0.2])
def test_a_surer_promise_takes_no_less_proof(delta: float) -> None:
    surer, usual = Promise().vouched(0.02, min(delta, 0.1)), Promise().vouched(0.02, max(delta, 0.1))
    assert surer is not None and usual is not None and surer.least_proof >= usual.least_proof


def test_a_drive_that_shows_a_rate_decides_for_it() -> None:
    vouched = Promise(all_wrong(120.0, 118.0, unproved=50), drives=(drive(250),)).vouched(0.01, 0.1)
    assert vouched == Vouched(0.01, 0.01, 80.0, "calibrated")


def test_a_drive_too_short_for_a_rate_keeps_what_it_can_show() -> None:
    own = Promise(drives=(drive(50),))
    assert own.source == "calibrated"
    strict, loose = own.vouched(0.01, 0.1), own.vouched(0.05, 0.1)
    assert strict == Vouched(0.01, 0.01, 95.0, "default") and loose == Vouched(0.05, 0.05, 80.0, "calibrated")


def test_a_short_drive_that_contradicts_other_maps_is_believed() -> None:
    vouched = Promise(drives=(drive(20, wrong=2, proof=110.0),)).vouched(0.01, 0.1)
    assert vouched == Vouched(0.01, 0.01, 115.0, "default")


def test_drives_add_up() -> None:
    assert Promise(drives=(drive(130), drive(130))).vouched(0.01, 0.1) == Vouched(0.01, 0.01, 80.0, "calibrated")


def test_it_comes_back_from_the_manifest_and_says_there_what_it_vouches_for() -> None:
    promise = Promise(all_wrong(120.0, unproved=50), all_wrong(70.0), 0.5, (drive(50), drive(7, 1)))
    plain = promise.to_dict()
    assert Promise.from_dict(plain) == promise
    assert plain["source"] == "calibrated" and list(plain["vouched"]) == [f"{rate:g}" for rate in RATES]
    assert plain["vouched"]["0.005"] is None and plain["vouched"]["0.05"] is not None
    plain["drives"] = [replace(drive(1), name="x").to_dict()] * 101
    with pytest.raises(ValueError, match="100 at most"):
        Promise.from_dict(plain)
