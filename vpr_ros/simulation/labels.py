# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a pixel of a rendering shows."""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    """Classes of ``Rendering.label``."""

    SKY = 0
    GROUND = 1
    STRUCTURE = 2
    """Walls, roofs, fences, shop signs: what stays where it is for years."""
    VEGETATION = 3
    DYNAMIC = 4
    """What can be gone tomorrow: cars, parked or moving, and people."""
    OTHER = 5
    """Street furniture: lamps, bins, posts."""
