# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which camera of a rig does not sit where its extrinsics say: its poses differ from those of the others, always alike.

A wrong mount shifts every pose of the base by the same transform, seen from the base; a wrong place does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vpr_ros.localization.result import Localization

Float = npt.NDArray[np.float64]

ANSWERS: Final = 12
"""How many answers are looked back on."""
ENOUGH: Final = 8
"""Fewer of both cameras tell nothing."""
CHI2_LIMIT: Final = 22.46
"""99.9 % of the squared distances of six numbers that are as uncertain as stated lie below. The covariance is that of
one answer, for the errors of a map and of a calibration do not average out."""
ALIKE: Final = 0.75
"""Share of the differences that must lie within that limit of the median one, or they are no constant."""


@dataclass(frozen=True)
class MountContradiction:
    """What one camera's mount does to its poses.

    Attributes:
        camera: which; of two that contradict each other alone, the one named later.
        other: the camera it was compared with.
        distance_m, angle_rad: how far the base that it gives lies from the base that *other* gives.
        answers: over how many images.
    """

    camera: str
    other: str
    distance_m: float
    angle_rad: float
    answers: int


class _Difference(NamedTuple):
    offset: Float
    covariance: Float


class MountCheck:
    """Remembers how the poses of each two cameras differ; every camera is compared, those left out too."""

    def __init__(self) -> None:
        """Know of no camera yet."""
        self._differences: dict[tuple[str, str], deque[_Difference]] = {}
        self._contradictions: dict[str, MountContradiction] = {}

    @property
    def contradictions(self) -> dict[str, MountContradiction]:
        """The cameras to be left out, by name."""
        return self._contradictions

    def forget(self) -> None:
        """Begin anew: another map, other extrinsics."""
        self._differences, self._contradictions = {}, {}

    def add(self, answers: Sequence[Localization]) -> None:
        """Compare what cameras said of one moment, each by itself, in the order in which they are configured."""
        usable = [answer for answer in answers if answer.accepted and answer.orientation_known and answer.T_map_base]
        for first, second in combinations(usable, 2):
            pair = (first.camera, second.camera)
            self._differences.setdefault(pair, deque(maxlen=ANSWERS)).append(_difference(first, second))
        self._contradictions = self._judged()

    def _judged(self) -> dict[str, MountContradiction]:
        """The cameras that most contradict, one after the other, until the rest agree."""
        pairs = {pair: found for pair, rows in self._differences.items() if (found := _contradiction(pair, rows))}
        named: dict[str, MountContradiction] = {}
        while pairs:
            cameras = [camera for pair in pairs for camera in pair]
            second = {pair[1] for pair in pairs}
            worst = max(dict.fromkeys(cameras), key=lambda camera: (cameras.count(camera), camera in second))
            found = next(found for pair, found in pairs.items() if worst in pair)
            other = found.other if found.camera == worst else found.camera
            named[worst] = MountContradiction(worst, other, found.distance_m, found.angle_rad, found.answers)
            pairs = {pair: found for pair, found in pairs.items() if worst not in pair}
        return named


def _difference(first: Localization, second: Localization) -> _Difference:
    """The second base seen from the first: (6,) metres and rotation vector, and how uncertain both are together."""
    if first.T_map_base is None or second.T_map_base is None or first.covariance is None or second.covariance is None:
        raise ValueError("an accepted answer has a pose and a covariance")
    between = first.T_map_base.between(second.T_map_base)
    offset = np.concatenate([between.position_m, between.rotation.as_rotvec()])
    to_base = np.kron(np.eye(2), first.T_map_base.rotation.inv().as_matrix())
    return _Difference(offset, to_base @ (first.covariance + second.covariance) @ to_base.T)


def _contradiction(pair: tuple[str, str], rows: Sequence[_Difference]) -> MountContradiction | None:
    if len(rows) < ENOUGH:
        return None
    offsets = np.array([row.offset for row in rows])
    median = np.median(offsets, axis=0)
    information = np.linalg.inv(np.mean([row.covariance for row in rows], axis=0))
    if median @ information @ median <= CHI2_LIMIT:
        return None
    apart = offsets - median
    if np.mean(np.einsum("ki,ij,kj->k", apart, information, apart) <= CHI2_LIMIT) < ALIKE:
        return None
    distance_m, angle_rad = float(np.linalg.norm(median[:3])), float(np.linalg.norm(median[3:]))
    return MountContradiction(pair[1], pair[0], distance_m, angle_rad, len(rows))
