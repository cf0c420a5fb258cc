# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How hard a server must look so that it finds what an exact search finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_ros.mapping.index_recall import LEAST_RECALL_20, IndexQuestions
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.maps.remote.schema import IndexChoice


@dataclass(frozen=True)
class Effort:
    """What was found.

    Attributes:
        value: ``ef`` or ``nprobe``.
        recall: share of the questions whose most similar frame was found.
        recall_20: share of their twenty most similar frames that were found.
        questions: how many were asked.
    """

    value: int
    recall: float
    recall_20: float
    questions: int


def sufficient_effort(index: MilvusIndex, place_map: PlaceMap, choice: IndexChoice, wanted_recall: float) -> Effort:
    """The least effort, from a doubling row, with which *index* finds often enough; the largest where none does.

    Raises:
        RemoteIndexError: the server does not answer.
    """
    questions = IndexQuestions(place_map)
    best = questions.best
    value, most = choice.efforts
    while True:
        found = index.with_effort(value).search(questions.queries, best.shape[1]).indices
        recall = float(np.mean([row[0] in given for row, given in zip(best, found, strict=True)]))
        share = float(np.mean([np.isin(row, given).mean() for row, given in zip(best, found, strict=True)]))
        if (recall >= wanted_recall and share >= LEAST_RECALL_20) or value >= most:
            return Effort(value, recall, share, len(best))
        value = min(2 * value, most)
