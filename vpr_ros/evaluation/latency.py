# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Time per stage, as quantiles: a mean hides the frame that came too late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

TOTAL = "total"


def latency_quantiles_ms(timings_ms: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Summarise per-query timings.

    Args:
        timings_ms: one mapping stage -> milliseconds per query; a stage may be missing from some queries.

    Returns:
        stage -> {"p50", "p95"} in order of first appearance, and "total": the sum of the stages of each query.
    """
    if not timings_ms:
        return {}
    stages = list(dict.fromkeys(stage for row in timings_ms for stage in row))
    columns = {stage: [row[stage] for row in timings_ms if stage in row] for stage in stages}
    columns[TOTAL] = [sum(row.values()) for row in timings_ms]
    return {
        stage: {"p50": float(np.quantile(column, 0.5)), "p95": float(np.quantile(column, 0.95))}
        for stage, column in columns.items()
    }
