# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two streets with the same facades: what tells them apart is left to what stands in them and to their corners."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from vpr_ros.simulation.houses import Lots
from vpr_ros.simulation.streets import FloatArray, Street

_AT_THE_FRONT_M: Final = 2.5


def with_twin_houses(lots: Lots, street: Street, twin: Street) -> Lots:
    """Along *twin* the houses of *street*, corner houses excepted, each as far from the middle as its model."""
    houses = [house for house in lots.houses if house.corner or not _is_along(house.plan_xy, twin)]
    models = [house for house in lots.houses if not house.corner and _is_along(house.plan_xy, street)]
    copies = [replace(house, plan_xy=_moved(house.plan_xy, street, twin)) for house in models]
    gaps = [gap for gap in lots.gaps_xy if not _is_along(gap, twin)]
    gaps += [_moved(gap, street, twin) for gap in lots.gaps_xy if _is_along(gap, street)]
    return Lots((*houses, *copies), tuple(gaps))


def _is_along(plan_xy: FloatArray, street: Street) -> bool:
    """Whether the front of a plan faces the street."""
    centre = street.centre(200)
    distance_m = np.linalg.norm(centre - plan_xy[:2].mean(axis=0), axis=1)
    nearest = int(distance_m.argmin())
    return 0 < nearest < len(centre) - 1 and float(distance_m[nearest]) < street.half_width_m + _AT_THE_FRONT_M


def _moved(plan_xy: FloatArray, street: Street, twin: Street) -> FloatArray:
    axes, other = (np.stack([one.along_xy, one.left_xy]) for one in (street, twin))
    return np.asarray((plan_xy - _middle(street)) @ axes.T @ other + _middle(twin))


def _middle(street: Street) -> FloatArray:
    return np.asarray(0.5 * (street.start_xy + street.end_xy))
