# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""P x K batches: balanced, from one city, reshuffled, resumable, the same for any number of processes."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.place_sampler import BatchShape, PlaceBatchSampler

# three cities of 7, 4 and 1 places; place p has 3 + p % 3 images
PLACE_OF_CITY = {0: range(7), 1: range(100, 104), 2: range(200, 201)}
PLACES = np.array([p for places in PLACE_OF_CITY.values() for p in places for _ in range(3 + p % 3)])
CITIES = PLACES // 100
SHAPE = BatchShape(places=3, images_per_place=2)


def sampler(**changes: int) -> PlaceBatchSampler:
    return PlaceBatchSampler(PLACES, CITIES, SHAPE, **{"seed": 5, **changes})


def test_every_batch_has_P_places_of_one_city_with_K_different_images() -> None:
    batches = list(sampler())
    assert len(batches) == len(sampler()) == 7 // 3 + 4 // 3
    used: list[int] = []
    for batch in batches:
        indices = [draw.index for draw in batch]
        assert len(set(indices)) == 6
        assert len(set(CITIES[indices])) == 1
        places, counts = np.unique(PLACES[indices], return_counts=True)
        assert counts.tolist() == [2, 2, 2]
        used += places.tolist()
    assert len(used) == len(set(used)), "a place comes at most once per epoch"


def test_each_epoch_is_another_order_and_every_place_gets_its_turn() -> None:
    batches = sampler()
    seen: set[int] = set()
    orders = []
    for epoch in range(12):
        batches.set_epoch(epoch)
        orders.append(tuple(draw.index for batch in batches for draw in batch))
        seen |= set(PLACES[list(orders[-1])].tolist())
    assert len(set(orders)) == 12
    assert seen == set(PLACES[CITIES < 2].tolist())


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first, again, other = sampler(), sampler(), sampler(seed=6)
    list(first)
    for batches in (first, again, other):
        batches.set_epoch(3)
    assert list(first) == list(again)
    assert list(first) != list(other)


def test_it_goes_on_at_the_batch_where_it_stopped() -> None:
    whole, resumed = sampler(), sampler()
    whole.set_epoch(2)
    resumed.set_epoch(2)
    resumed.first_batch = 1
    assert list(resumed) == list(whole)[1:]
    assert len(resumed) == len(whole)
    resumed.set_epoch(3)
    assert resumed.first_batch == 0


def test_processes_share_the_batch_of_one_process() -> None:
    shape = BatchShape(places=4, images_per_place=2)
    whole = list(PlaceBatchSampler(PLACES, CITIES, shape, seed=1))
    parts = [list(PlaceBatchSampler(PLACES, CITIES, shape, seed=1, rank=r, world_size=2)) for r in (0, 1)]
    assert [left + right for left, right in zip(*parts, strict=True)] == whole


def test_a_group_smaller_than_a_batch_gives_a_smaller_batch() -> None:
    sizes = sorted(len(b) for b in PlaceBatchSampler(PLACES, CITIES, BatchShape(5, 2)))
    assert sizes == [2 * 4, 2 * 5]


def test_a_place_with_too_few_images_is_named() -> None:
    with pytest.raises(TrainingError, match=r"place 0 has 3 images, the recipe draws 4.*min_images_per_place"):
        PlaceBatchSampler(PLACES, CITIES, BatchShape(2, 4))


@pytest.mark.parametrize("images", [0, 5])
def test_one_place_cannot_be_told_from_others(images: int) -> None:
    one = np.zeros(images, dtype=np.int64)
    with pytest.raises(TrainingError, match="no group holds 2 places"):
        PlaceBatchSampler(one, one, BatchShape(2, 2))
