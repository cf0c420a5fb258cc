"""Simulated towns: places seen in several conditions, and retrieval from day to night."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.datasets.towns import TownDrives, TownPlaces, TownRetrieval

SHORT = TownDrives(spacing_m=4.0, distance_m=60.0, width_px=64, height_px=48, blocks=1)


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
