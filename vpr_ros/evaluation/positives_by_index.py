# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Positives by frame number, for traverses recorded in step (Nordland, SPED; docs/methods.md 5.3)."""

from __future__ import annotations

import numpy as np

from vpr_ros.core.errors import ConfigError
from vpr_ros.evaluation.positives import Positives


def positives_by_index(map_count: int, query_count: int, window: int) -> Positives:
    """Query i is answered by the map frames i - window .. i + window of the map; twice as many show its scene.

    Raises:
        ConfigError: a negative window.
    """
    if window < 0:
        raise ConfigError(f"the frame window must be 0 or more, found {window}", "Give for example --frame-window 10")
    lists, near = (
        [np.arange(max(0, i - apart), min(map_count, i + apart + 1)) for i in range(query_count)]
        for apart in (window, 2 * window)
    )
    return Positives.from_lists(lists, f"frame numbers at most {window} apart", near)
