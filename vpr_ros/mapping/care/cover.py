# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Few frames that cover all that is asked of a map: a greedy set cover, made smaller by what turns out to be spare."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


class Cover:
    """Frames chosen one after the other, each for what it covers that is not covered yet.

    Args:
        frames: how many there are.
        wants: kind by kind, the most important first, what has to be covered: for each element the frames that can.
    """

    def __init__(self, frames: int, wants: Sequence[Sequence[IntArray]]) -> None:
        self._frames = frames
        self._elements = [element for kind in wants for element in kind]
        self._kind_of = np.repeat(np.arange(len(wants)), [len(kind) for kind in wants])
        self._covers: list[list[int]] = [[] for _ in range(frames)]
        for number, element in enumerate(self._elements):
            for frame in element.tolist():
                self._covers[frame].append(number)
        self._count = np.zeros(len(self._elements), dtype=np.int64)
        self._kinds = len(wants)
        self.chosen: list[int] = []

    def covered(self, kind: int) -> int:
        """How many elements of this kind are covered."""
        return int((self._count[self._kind_of == kind] > 0).sum())

    def choose(self, shares: Sequence[float]) -> IntArray:
        """Choose frames until of each kind this share is covered; (n,) ascending, none of them spare."""
        wanted = [int(np.ceil(share * (self._kind_of == kind).sum() - 1e-9)) for kind, share in enumerate(shares)]
        covered = [0] * self._kinds
        for frame in self._best_first(times=1):
            if all(found >= least for found, least in zip(covered, wanted, strict=True)):
                break
            for number in self._covers[frame]:
                covered[self._kind_of[number]] += self._count[number] == 0
            self._take(frame)
        self._drop_spare(covered, wanted)
        return np.array(sorted(self.chosen), dtype=np.int64)

    def choose_number(self, most: int) -> IntArray:
        """Choose *most* frames: what covers everything once, then once more, and so on; (n,) ascending."""
        times = 1
        while len(self.chosen) < min(most, self._frames):
            before = len(self.chosen)
            for frame in self._best_first(times):
                self._take(frame)
                if len(self.chosen) == most:
                    break
            if len(self.chosen) == before and not self._some_left(times):
                break
            times += 1
        left = np.setdiff1d(np.arange(self._frames), self.chosen)
        spread = np.unique(np.linspace(0, len(left) - 1, max(most - len(self.chosen), 0)).astype(np.int64))
        return np.array(sorted([*self.chosen, *left[spread].tolist()][:most]), dtype=np.int64)

    def _some_left(self, times: int) -> bool:
        return any(len(element) > times for element in self._elements)

    def _take(self, frame: int) -> None:
        self.chosen.append(frame)
        self._count[self._covers[frame]] += 1

    def _gain(self, frame: int, times: int) -> tuple[int, ...]:
        """What it covers anew, kind by kind, negative: the smallest is best."""
        numbers = np.array(self._covers[frame], dtype=np.int64)
        fresh = numbers[self._count[numbers] < times]
        return tuple((-np.bincount(self._kind_of[fresh], minlength=self._kinds)).tolist())

    def _best_first(self, times: int) -> Iterator[int]:
        """The frame that covers most of what is covered less than *times* times, again and again; taken by who asks."""
        taken = set(self.chosen)
        heap = [(self._gain(frame, times), frame) for frame in range(self._frames) if frame not in taken]
        heapq.heapify(heap)
        while heap:
            gain, frame = heapq.heappop(heap)
            now = self._gain(frame, times)
            if not any(now):
                continue
            if now > gain:  # it covers less than when it was put there
                heapq.heappush(heap, (now, frame))
                continue
            yield frame

    def _drop_spare(self, covered: list[int], wanted: list[int]) -> None:
        """Let go, the last chosen first, of each frame without which enough stays covered."""
        for frame in list(reversed(self.chosen)):
            numbers = np.array(self._covers[frame], dtype=np.int64)
            alone = self._kind_of[numbers[self._count[numbers] == 1]]
            lost = np.bincount(alone, minlength=self._kinds).tolist()
            if all(found - less >= least for found, less, least in zip(covered, lost, wanted, strict=True)):
                self.chosen.remove(frame)
                self._count[numbers] -= 1
                covered[:] = [found - less for found, less in zip(covered, lost, strict=True)]
