# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where the milliseconds of an image go: stage by stage in the node, beside the same in the bare loop. No ROS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STAGES: Final = {
    "transport": "over DDS to the callback",
    "wait": "until the worker begins",
    "decode": "conversion to RGB",
    "prepare": "preprocessing",
    "infer": "network",
    "local": "network of keypoints",
    "search": "search",
    "verify": "verification",
    "filter": "filter",
    "decide": "decision",
    "publish": "pose message",
    "back": "over DDS to who asked",
}
"""As the node's diagnostics name them, and what happens there; an image passes them in this order."""

Stages = dict[str, dict[str, float | None]]


def to_stages(node: Mapping[str, str], node_ms: float, bare: Mapping[str, float]) -> Stages:
    """Medians of each stage that took place: in the node and in the loop, None where it has none.

    Args:
        node: the node's diagnostics, e.g. "infer p50 [ms]".
        node_ms: median from publishing an image to the arrival of its pose; what the node does not tell of it is the
            way back.
        bare: of the loop, by the node's names.
    """
    told = {stage: float(node[key]) for stage in STAGES if (key := f"{stage} p50 [ms]") in node}
    told["back"] = node_ms - sum(told.values())
    return {
        stage: {"node": told.get(stage), "bare": bare.get(stage)} for stage in STAGES if stage in told or stage in bare
    }


def stage_lines(stages: Stages) -> list[str]:
    """The table for people; the last column is what the node costs beside the loop."""
    lines = [f"{'where they go, p50':34s}{'node':>9s}{'bare':>12s}{'node - bare':>14s}"]
    for stage, of in stages.items():
        node, bare = of["node"], of["bare"]
        over = (node or 0.0) - (bare or 0.0)
        lines.append(f"{f'  {STAGES[stage]}':34s}{_ms(node)}   {_ms(bare)}{over:>11.2f} ms")
    return lines


def _ms(value: float | None) -> str:
    return f"{'-':>9s}" if value is None else f"{value:>6.2f} ms"
