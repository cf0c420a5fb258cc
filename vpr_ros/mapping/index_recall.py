# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How well an index finds: the map's own frames are asked of it and of all descriptors, without what makes it easy."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.mapping.evenly import evenly
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import all_similarities, as_float32, best_rows
from vpr_ros.maps.spacing import median_spacing_m

IntArray = npt.NDArray[np.int64]

MOST_QUESTIONS: Final = 300
LEAST_RECALL_20: Final = 0.9
"""Of the frames that the evidence is taken from: what is not found of them is among the least alike."""
LEFT_OUT_SPACINGS: Final = 1.5
CANDIDATES: Final = 200
MOST_CANDIDATES: Final = 1600


class IndexQuestions:
    """Frames of a map, and which others look most like each: found by asking all descriptors."""

    def __init__(self, place_map: PlaceMap) -> None:
        """Ask; in turns with its neighbours left out (who revisits the place does not see this image) and the place."""
        self._rows = evenly(len(place_map), MOST_QUESTIONS)
        self._queries = as_float32(place_map.descriptors[self._rows])
        position_m, radius_m = place_map.frames.position_m, place_map.manifest.calibration.radius_m
        near_m = min(LEFT_OUT_SPACINGS * median_spacing_m(place_map.frames), radius_m)
        self.left_out: list[IntArray] = []
        self.best: list[IntArray] = []
        asked = zip(self._rows, all_similarities(place_map.descriptors, self._queries), cycle((near_m, radius_m)))
        for row, cosines, within_m in asked:
            squared = np.square(position_m - position_m[row]).sum(axis=1)
            left_out = np.flatnonzero(squared <= within_m**2)
            cosines[left_out] = -np.inf
            best = best_rows(cosines, EVIDENCE_TOP_K)
            self.left_out.append(left_out)
            self.best.append(best[np.isfinite(cosines[best])])

    def fitted(self, codes: Any, entry: IndexEntry) -> IndexEntry:
        """The fewest candidates and lists with which *codes* find the share that *entry* wants, and what they find.

        Where no number of them does, the most that were tried.
        """
        most_lists = codes.nlist if entry.kind == "lists" else 1
        candidates = CANDIDATES
        while True:
            nprobe = 1
            while True:
                tried = self._measured(codes, replace(entry, nprobe=nprobe, candidates=candidates))
                if _suffices(tried) or nprobe >= most_lists:
                    break
                nprobe = min(2 * nprobe, most_lists)
            if _suffices(tried) or candidates >= MOST_CANDIDATES:
                return tried if entry.kind == "lists" else replace(tried, nprobe=0)
            candidates *= 2

    def _measured(self, codes: Any, entry: IndexEntry) -> IndexEntry:
        if entry.kind == "lists":
            codes.nprobe = entry.nprobe
        first, share = [], []
        for query, left_out, best in zip(self._queries, self.left_out, self.best, strict=True):
            if not len(best):
                continue
            _, (found,) = codes.search(query[None], min(entry.candidates + len(left_out), codes.ntotal))
            found = found[~np.isin(found, left_out)][: entry.candidates]
            first.append(best[0] in found)
            share.append(np.isin(best, found).mean())
        recalls = (float(np.mean(first)), float(np.mean(share))) if first else (None, None)
        return replace(entry, recall=recalls[0], recall_20=recalls[1], questions=len(first))


def _suffices(entry: IndexEntry) -> bool:
    if entry.recall is None or entry.recall_20 is None:
        return True
    return entry.recall >= entry.wanted_recall and entry.recall_20 >= LEAST_RECALL_20
