# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What somebody who builds or opens a map should know before trusting it."""

from __future__ import annotations

import numpy as np

from vpr_ros.maps.calibration import MIN_ANSWERS
from vpr_ros.maps.place_map import PlaceMap

FAR_M = 10_000.0
"""Beyond this, float32 coordinates (``~/matches`` in RViz) are a millimetre apart and soon centimetres."""


def map_warnings(place_map: PlaceMap) -> tuple[str, ...]:
    """One text per concern, problem and remedy as an error has them; empty for a map without."""
    concerns = (calibration_warning(place_map), distance_warning(place_map))
    return tuple(concern for concern in concerns if concern)


def calibration_warning(place_map: PlaceMap) -> str:
    """That the stated probabilities are a guess, "" where the map calibrated itself."""
    calibration = place_map.manifest.calibration
    if calibration.kind != "default":
        return ""
    return (
        f"the map could not calibrate itself ({len(place_map)} frames gave {calibration.samples_right} right and "
        f"{calibration.samples_wrong} wrong answers, {MIN_ANSWERS} of each are needed): its probabilities are a "
        "cautious guess, which refuses most right answers. Map more of the place with build_map --append; until then "
        "lower localizer.min_probability as far as evaluate on a second drive allows."
    )


def distance_warning(place_map: PlaceMap) -> str:
    """That the coordinates are too large for some consumers, "" where they are not."""
    farthest_m = float(np.abs(place_map.frames.position_m).max(initial=0.0))
    if farthest_m <= FAR_M:
        return ""
    step_m = float(np.spacing(np.float32(farthest_m)))
    return (
        f"the map's coordinates reach {farthest_m:.0f} m: AMCL refuses start poses that far from zero, and what is "
        f"sent as float32 (~/matches) is exact to {step_m:.2g} m only. Build the map with --local-origin."
    )
