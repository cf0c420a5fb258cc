# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
