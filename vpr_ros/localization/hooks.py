"""Where geometric verification and a filter over time join the localizer.

Both are to come: nothing in the package implements either yet, and without them the localizer answers image by image.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import Frame
from vpr_ros.localization.candidates import Candidates
from vpr_ros.maps.place_map import PlaceMap


class Verifier(Protocol):
    """Looks at image and candidates once more, for example by the geometry of local features."""

    def verify(self, frame: Frame, candidates: Candidates, place_map: PlaceMap) -> Candidates:
        """Give the candidates in a better order, without those it refutes; with none left the answer is ``Refuted``."""


class PlaceFilter(Protocol):
    """Remembers earlier images and the motion between them."""

    def update(
        self, stamp_ns: int, candidates: Candidates, probabilities: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """(K,) probability of each candidate by this image alone -> (K,) by all images so far."""

    def reset(self) -> None:
        """Forget everything."""
