# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How hard a server must look so that it finds what an exact search finds."""

from __future__ import annotations

from dataclasses import replace

from vpr_ros.mapping.index_recall import IndexQuestions, is_enough
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.maps.remote.schema import IndexChoice


def sufficient_effort(index: MilvusIndex, place_map: PlaceMap, choice: IndexChoice, entry: IndexEntry) -> IndexEntry:
    """The least effort, from a doubling row, with which *index* finds what *entry* wants; the largest where none does.

    Returns:
        *entry* with what is found, and as ``nprobe`` the ``ef`` or ``nprobe`` of the server.

    Raises:
        RemoteIndexError: the server does not answer.
    """
    questions = IndexQuestions(place_map)
    value, most = choice.efforts
    while True:
        found = index.with_effort(value).search(questions.queries, questions.best.shape[1]).indices
        tried = questions.measured(found, replace(entry, nprobe=value))
        if is_enough(tried) or value >= most:
            return tried
        value = min(2 * value, most)
