# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Simulated towns: places seen in several conditions, and retrieval from day to night."""

from __future__ import annotations

import copy
import weakref
from dataclasses import dataclass, field

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.simulation.town import Town
from vpr_ros.training.datasets.towns import ForgettableDrive, TownDrives, TownMemory, TownPlaces, TownRetrieval

SHORT = TownDrives(spacing_m=4.0, distance_m=60.0, width_px=64, height_px=48, blocks=1)
FEW = 2


@dataclass(frozen=True)
class WatchedDrives(TownDrives):
    """Notes every town that is grown, without keeping it alive."""

    grown: list[weakref.ref[Town]] = field(default_factory=list)

    def town(self, seed: int) -> Town:
        town = super().town(seed)
        self.grown.append(weakref.ref(town))
        return town

    def alive(self) -> int:
        return sum(town() is not None for town in self.grown)


def test_every_place_is_seen_in_several_conditions_and_towns_share_none() -> None:
    places = TownPlaces([1, 2], ("day", "night"), SHORT, min_images_per_place=2).open()
    alone = [TownPlaces([seed], ("day", "night"), SHORT, min_images_per_place=2).open() for seed in (1, 2)]
    assert len(np.unique(places.place_ids)) == sum(len(np.unique(town.place_ids)) for town in alone)
    assert len(np.unique(places.groups)) == sum(len(np.unique(town.groups)) for town in alone)
    for place in np.unique(places.place_ids):
        members = np.flatnonzero(places.place_ids == place)
        assert len(members) >= 2
        assert len(set(places.groups[members].tolist())) == 1
    day, night = places.images.load(0), places.images.load(len(alone[0].images) - 1)
    assert day.shape == (48, 64, 3)
    assert day.mean() > night.mean(), "the second half of the first town's images was taken at night"


def test_night_queries_have_their_answer_in_the_day_map() -> None:
    task = TownRetrieval(3, "day", "night", SHORT).open()
    assert task.name == "town3-day-night"
    assert task.positives.answerable.all()
    assert len(task.database) == len(task.queries) == 15
    assert not np.array_equal(task.database.load(0), task.queries.load(0))


def test_unknown_conditions_are_refused() -> None:
    with pytest.raises(ConfigError, match="unknown conditions 'hail'"):
        TownRetrieval(3, "day", "hail", SHORT).open()


def test_only_the_towns_looked_at_last_are_kept() -> None:
    drives = WatchedDrives(4.0, 60.0, 64, 48, 1)
    places = TownPlaces([1, 2, 3], ("day", "night"), drives, min_images_per_place=2, towns_in_memory=FEW).open()
    first_of_town = [int(np.flatnonzero(places.groups == group)[0]) for group in np.unique(places.groups)]
    for index in (*first_of_town, *first_of_town):
        assert places.images.load(index).shape == (48, 64, 3)
        assert drives.alive() <= FEW
    assert len(drives.grown) > 3, "a town that was forgotten is grown again"
    assert places.images.load(first_of_town[-1]).any()
    grown = len(drives.grown)
    places.images.load(first_of_town[-1])
    assert len(drives.grown) == grown, "the town looked at last is still there"


def test_a_town_that_was_forgotten_looks_as_before() -> None:
    memory = TownMemory(SHORT, 1)
    night, day = ForgettableDrive(memory, 1, "night", 1), ForgettableDrive(memory, 1, "day", 0)
    kept = SHORT.source(SHORT.town(1), "night", 1)
    expected = {record.name: record for record in kept}
    before = next(iter(day)).load_image()
    assert len(night) == len(kept)
    for record in list(night)[:3]:
        memory.source(2, "day", 0)  # the only place in memory is taken
        assert record.T_map_base == expected[record.name].T_map_base
        np.testing.assert_array_equal(record.load_image(), expected[record.name].load_image())
    memory.source(2, "day", 0)
    np.testing.assert_array_equal(next(iter(day)).load_image(), before)


def test_no_town_travels_to_another_process() -> None:
    drives = WatchedDrives(4.0, 60.0, 64, 48, 1)
    drive = ForgettableDrive(TownMemory(drives, 1), 1, "day", 0)
    image_rgb = next(iter(drive)).load_image()
    copied = copy.deepcopy(drive)  # what is copied is what is pickled
    del drive
    assert drives.alive() == 0
    np.testing.assert_array_equal(next(iter(copied)).load_image(), image_rgb)


def test_a_memory_for_no_town_is_refused() -> None:
    with pytest.raises(TrainingError, match="0 towns are to be kept"):
        TownPlaces([1], ("day",), SHORT, towns_in_memory=0).open()
