# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How well an index finds: what the map's own frames may look like another day is asked of it and of all descriptors.

A frame that is merely left out is answered by its neighbours, which are so alike that they lie in the same lists: an
index that finds 99 % of those may find half of what another day asks. So the questions are made hard: frames are
changed as another day changes them (see ``Likeness``), until an exact search finds the right place to ``WANTED_RIGHT``
of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.likeness import HALVINGS, Likeness, hardest_steps
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.search import as_float32, exact_search

MOST_QUESTIONS: Final = 800
TRIED_QUESTIONS: Final = 100
TOGETHER: Final = 200
RUNS: Final = 16
RUN_FRAMES: Final = 128
"""Of frames that follow each other, from which it is learned how the map's descriptors vary."""
WANTED_RIGHT: Final = 0.85
LEAST_RECALL_20: Final = 0.93
"""Of the frames that the evidence is taken from: what is not found of them is among the least alike. Asked of a million
frames, of which 99.4 % of the best were found and 93.9 % of the twenty, the right place was among the first ten for
96.8 % of questions (exact: 97.0 %), the probability changed by 0.005 in the mean, and 0.9 % of decisions were others;
with 96.7 % and 85.9 %, 96.0 %, 0.016 and 2.3 %."""
SURENESS: Final = 1.0
"""Standard errors by which the share found must lie above the one wanted: to be so in truth five times of six."""
CANDIDATES: Final = 200
MOST_CANDIDATES: Final = 1600
CODES_PER_CANDIDATE: Final = 32
"""As long as it takes to compare one descriptor, from memory that no cache has, so many codes are read."""
SEED: Final = 0


class IndexQuestions:
    """Frames of a map as another day may show them, and which frames look most like each, by all descriptors.

    Attributes:
        queries: (Q, D) of unit length.
        best: (Q, 20) frames, the most similar first.
    """

    def __init__(self, place_map: PlaceMap, tell: Callable[[float], object] | None = None) -> None:
        """Make them as hard as is wanted, and ask all descriptors.

        Args:
            place_map: frames and descriptors.
            tell: told of the share that is done, 0..1.
        """
        rng, rows = np.random.default_rng(SEED), evenly(len(place_map), MOST_QUESTIONS)
        likeness = Likeness.of(as_float32(place_map.descriptors[_runs(len(place_map))]))
        numbers = likeness.numbers(as_float32(place_map.descriptors[rows]))
        tried = evenly(len(rows), TRIED_QUESTIONS)
        position_m, radius_m = place_map.frames.position_m, place_map.manifest.calibration.radius_m

        to_ask, asked_now = len(rows) + HALVINGS * len(tried), 0

        def told(questions: int) -> None:
            nonlocal asked_now
            asked_now += questions
            if tell is not None:
                tell(asked_now / to_ask)

        def right(steps: float) -> float:
            asked = likeness.seen_again(numbers[tried], steps, rng)
            found = exact_search(place_map.descriptors, asked, 1).indices[:, 0]
            told(len(asked))
            off_m = np.linalg.norm(position_m[found] - position_m[rows[tried]], axis=-1)
            return float(np.mean(off_m <= radius_m))

        self.queries = likeness.seen_again(numbers, hardest_steps(right, WANTED_RIGHT), rng)
        best = []
        for some in np.split(self.queries, range(TOGETHER, len(self.queries), TOGETHER)):
            best.append(exact_search(place_map.descriptors, some, EVIDENCE_TOP_K).indices)
            told(len(some))
        self.best = np.concatenate(best)

    def fitted(self, codes: Any, entry: IndexEntry) -> IndexEntry:
        """Of the numbers of lists and candidates with which *codes* find the share that *entry* wants the fastest.

        Where none of them does, the most that were tried. What they find is noted.
        """
        found: dict[int, npt.NDArray[np.int64]] = {}

        def tried(nprobe: int, candidates: int) -> IndexEntry:
            if nprobe not in found:
                found[nprobe] = self._found(codes, entry.kind, nprobe)
            return self.measured(found[nprobe], replace(entry, nprobe=nprobe, candidates=candidates))

        lists_in_all = codes.nlist if entry.kind == "lists" else 1
        lists = _lists(lists_in_all)
        enough = []
        for candidates in _doubled(CANDIDATES, MOST_CANDIDATES):
            least = bisect_left(lists, True, key=lambda nprobe: is_enough(tried(nprobe, candidates)))
            if least < len(lists):
                enough.append(tried(lists[least], candidates))
                lists = lists[: least + 1]  # more candidates need no more lists
        each = codes.ntotal / lists_in_all
        best = min(enough, key=lambda one: one.nprobe * each + CODES_PER_CANDIDATE * one.candidates, default=None)
        best = best or tried(lists[-1], MOST_CANDIDATES)
        return best if entry.kind == "lists" else replace(best, nprobe=0)

    def _found(self, codes: Any, kind: str, nprobe: int) -> npt.NDArray[np.int64]:
        """(Q, M) frames whose codes are most like each question, the most first."""
        if kind == "lists":
            codes.nprobe = nprobe
        return np.asarray(codes.search(self.queries, min(MOST_CANDIDATES, codes.ntotal))[1])

    def measured(self, found: npt.NDArray[np.int64], entry: IndexEntry) -> IndexEntry:
        """The *entry* with what it finds, where it gives (Q, M) *found* and the first ``candidates`` of them count."""
        given = found[:, : entry.candidates or None]
        first = [best[0] in some for best, some in zip(self.best, given, strict=True)]
        share = [np.isin(best, some).mean() for best, some in zip(self.best, given, strict=True)]
        return replace(entry, recall=float(np.mean(first)), recall_20=float(np.mean(share)), questions=len(first))


def _runs(frames: int) -> npt.NDArray[np.int64]:
    starts = np.linspace(0, max(0, frames - RUN_FRAMES), RUNS).astype(np.int64)
    return np.unique((starts[:, None] + np.arange(min(frames, RUN_FRAMES))).ravel())


def _doubled(first: int, last: int) -> list[int]:
    return [*(first << step for step in range((last // first).bit_length()) if first << step < last), last]


def _lists(most: int) -> list[int]:
    """1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 16 and so on, four from one power of two to the next."""
    powers = [2 ** (quarter / 4) for quarter in range(4 * most.bit_length())]
    return sorted({*(round(power) for power in powers if power < most), most})


def is_enough(entry: IndexEntry) -> bool:
    """Whether what *entry* finds is what it wants, and enough of what an answer is judged by."""
    wanted, recall = entry.wanted_recall, entry.recall or 0.0
    surely = wanted + SURENESS * np.sqrt(wanted * (1.0 - wanted) / max(1, entry.questions))
    return bool(recall >= surely and (entry.recall_20 or 0.0) >= LEAST_RECALL_20)
