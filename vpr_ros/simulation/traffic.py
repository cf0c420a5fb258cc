# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Cars and people of one drive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.conditions import Conditions
from vpr_ros.simulation.labels import Label
from vpr_ros.simulation.surfaces import FloatArray, Surfaces
from vpr_ros.simulation.town import Town
from vpr_ros.simulation.vehicles import CAR_PARTS, board_cross, car_model

_KEEP_CLEAR_M = 5.0


def traffic(town: Town, conditions: Conditions, time_s: float, eye_xy: FloatArray, range_m: float) -> Surfaces:
    """Place what is parked, driving and walking around a viewer at a time; nobody stands in the viewer's way.

    Args:
        town: whose streets and parking places are used.
        conditions: how much traffic, and its seed.
        time_s: cars drive and people walk as it goes on.
        eye_xy: (2,) the viewer.
        range_m: what is farther away is left out.
    """
    rng = np.random.default_rng([conditions.traffic_seed, town.seed, 71])
    cars = np.concatenate([_parked(rng, town, conditions), _driving(rng, town, conditions, time_s)])
    people = _walking(rng, town, conditions, time_s)
    car_near, person_near = (_near(places, eye_xy, range_m) for places in (cars, people))
    cars, people = cars[car_near], people[person_near]
    car_paint = town.first_car_texture + cars[:, 3].astype(np.int32) * len(CAR_PARTS)
    person_paint = town.first_person_texture + people[:, 3].astype(np.int32)
    return Surfaces.joined(
        [
            car_model().placed(_flat(cars), cars[:, 2], car_paint),
            board_cross(0.8, 1.75, 2, Label.DYNAMIC).placed(_flat(people), people[:, 2], person_paint),
        ]
    )


def _flat(places: FloatArray) -> FloatArray:
    return np.column_stack([places[:, :2], np.zeros(len(places))])


def _near(places: FloatArray, eye_xy: FloatArray, range_m: float) -> npt.NDArray[np.bool_]:
    distance = np.linalg.norm(places[:, :2] - eye_xy, axis=1)
    return np.asarray((distance > _KEEP_CLEAR_M) & (distance < range_m))


def _parked(rng: np.random.Generator, town: Town, conditions: Conditions) -> FloatArray:
    """(K, 4): x, y, yaw, paint."""
    parking = town.furnishing.parking
    taken = rng.random(len(parking)) < conditions.parked_share
    paint = rng.integers(town.car_paints, size=len(parking))
    shift = rng.normal(0.0, 0.08, (len(parking), 2))
    places = np.column_stack([parking[:, :2] + shift, parking[:, 2] + rng.normal(0.0, 0.03, len(parking)), 1.0 * paint])
    return np.asarray(places[taken], dtype=np.float64)


def _driving(rng: np.random.Generator, town: Town, conditions: Conditions, time_s: float) -> FloatArray:
    count = conditions.moving_cars
    places = _along_streets(rng, town, count, rng.uniform(5.0, 11.0, count), time_s, lane=0.25)
    return np.column_stack([places, 1.0 * rng.integers(town.car_paints, size=count)])


def _walking(rng: np.random.Generator, town: Town, conditions: Conditions, time_s: float) -> FloatArray:
    count = conditions.pedestrians
    places = _along_streets(rng, town, count, rng.uniform(0.8, 1.7, count), time_s, lane=None)
    return np.column_stack([places, 1.0 * rng.integers(town.people, size=count)])


def _along_streets(
    rng: np.random.Generator, town: Town, count: int, speed_mps: FloatArray, time_s: float, lane: float | None
) -> FloatArray:
    """(count, 3) x, y, yaw of things that keep to the right: a share of the roadway, or the sidewalk where None."""
    streets = town.plan.streets
    chosen = rng.integers(len(streets), size=count)
    start, backwards = rng.uniform(0.0, 1.0, count), rng.random(count) < 0.5
    spread = rng.uniform(0.3, 0.8, count)
    lines = town.plan.centres_xy[chosen]
    lines = np.where(backwards[:, None, None], lines[:, ::-1], lines)
    length_m = np.linalg.norm(np.diff(lines, axis=1), axis=2).sum(axis=1)
    share = (start + speed_mps * time_s / length_m) % 1.0
    at = (0.06 + 0.88 * share) * (lines.shape[1] - 1)
    first = np.minimum(at.astype(int), lines.shape[1] - 2)
    each = np.arange(count)
    along = lines[each, first + 1] - lines[each, first]
    point = lines[each, first] + along * (at - first)[:, None]
    right = np.column_stack([along[:, 1], -along[:, 0]]) / np.linalg.norm(along, axis=1, keepdims=True)
    roadway_m = np.array([street.roadway_m for street in streets])[chosen]
    sidewalk_m = np.array([street.sidewalk_m for street in streets])[chosen]
    off_m = roadway_m * lane if lane is not None else 0.5 * roadway_m + spread * sidewalk_m
    return np.column_stack([point + right * off_m[:, None], np.arctan2(along[:, 1], along[:, 0])])
