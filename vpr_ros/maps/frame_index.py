# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What finds the frames of a map that look most like an image: one interface, whatever lies behind it.

``ExactIndex`` asks every descriptor, ``CompressedIndex`` those that a compressed copy of them picks. Every index gives
the similarity of the stored descriptors, so that evidence and probability do not depend on which one was asked.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.search import SearchResult, as_float32, exact_search

WIDENED_BYTES: Final = 16 << 20
"""Float16 descriptors that are no more than this as float32 are kept as such: 1000 x 1600 are asked in 0.1 ms, not 0.3.
Of more the float32 would come from memory, which takes longer than to make it in the cache."""

IndexKind = Literal["exact", "compressed", "lists", "remote"]


class FrameIndex(Protocol):
    """Finds frames by descriptor. Safe to use from several threads.

    Attributes:
        kind: exact; compressed (a short code of every descriptor); lists (codes in inverted lists, of which few are
            read); remote (a server has the descriptors).
        fault: why it is not the one that the manifest names, and what to do; None where it is.
    """

    @property
    def kind(self) -> IndexKind:
        """See the class."""

    @property
    def fault(self) -> MapError | None:
        """See the class."""

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64] | None = None
    ) -> SearchResult:
        """Find the *k* most similar frames of each query.

        Args:
            queries: (B, D) float32, rows of unit length.
            k: how many; fewer come back where fewer frames are searched.
            allowed: (M,) frames to search among, None for all.

        Raises:
            MapError: an index elsewhere does not answer, or answers what cannot be.
        """

    def over(self, descriptors: Descriptors) -> FrameIndex:
        """The same index of *descriptors*, a copy of those it was made over; one that is elsewhere stays as it is."""

    def state(self) -> dict[str, str]:
        """What diagnostics say of it: name -> value."""


class ExactIndex:
    """Every descriptor is asked."""

    kind: IndexKind = "exact"

    def __init__(self, descriptors: Descriptors, fault: MapError | None = None) -> None:
        """Search in (N, D) *descriptors*, rows of unit length; for *fault* see ``FrameIndex``."""
        self.fault = fault
        self._descriptors = as_float32(descriptors) if 4 * descriptors.size <= WIDENED_BYTES else descriptors

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64] | None = None
    ) -> SearchResult:
        """See ``FrameIndex``."""
        return exact_search(self._descriptors, queries, k, allowed)

    def over(self, descriptors: Descriptors) -> ExactIndex:
        """See ``FrameIndex``."""
        return ExactIndex(descriptors, self.fault)

    def state(self) -> dict[str, str]:
        """See ``FrameIndex``."""
        return {"index": "exact, in place of a file that cannot be used" if self.fault else "exact"}
