"""Where a filter over time joins the localizer.

It is to come: nothing in the package implements one yet, and without it the localizer answers image by image.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from vpr_ros.localization.candidates import Candidates


class PlaceFilter(Protocol):
    """Remembers earlier images and the motion between them."""

    def update(
        self, stamp_ns: int, candidates: Candidates, probabilities: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """(K,) probability of each candidate by this image alone -> (K,) by all images so far."""

    def reset(self) -> None:
        """Forget everything."""
