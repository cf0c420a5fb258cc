# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What one camera of a rig says of the place that all of them together settled on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CameraVote:
    """One camera's part in an answer of several.

    Attributes:
        camera: its name.
        probability: that its own best match is right, by its image alone.
        log_odds: what it adds to those of the place; less than 0 where it speaks against, 0 where it says nothing.
        distance_m: from the place to its own best match; None where it has none.
        agrees: whether its own best match lies at the place, and speaks for it.
    """

    camera: str
    probability: float
    log_odds: float
    distance_m: float | None
    agrees: bool
