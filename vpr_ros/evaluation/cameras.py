# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Queries of several cameras: each camera by itself, and what they would have answered together as the robot does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from vpr_ros.core.frames import CameraMount
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.localization import LocalizerConfig
from vpr_ros.localization.rig import fuse
from vpr_ros.localization.rig_mounts import MountCheck
from vpr_ros.maps import PlaceMap

NS_PER_MS = 1_000_000


def camera_figures(
    outcomes: Outcomes,
    place_map: PlaceMap,
    mounts: Mapping[str, CameraMount],
    config: LocalizerConfig,
    max_stamp_difference_ms: float,
) -> dict[str, Any] | None:
    """The figures of each camera and of the rig; None of a single camera.

    Args:
        outcomes: every query, each answered by itself.
        place_map: the map.
        mounts: where the queries' cameras sat, by name.
        config: what the localizer was run with.
        max_stamp_difference_ms: images within it are answered together; 0 leaves the rig out.
    """
    cameras = dict.fromkeys(row.answer.camera for row in outcomes.rows)
    if len(cameras) < 2:
        return None
    rows = {name: _figures(_of_camera(outcomes, name)) for name in cameras}
    known = all(name in mounts and mounts[name].T_base_camera is not None for name in cameras)
    known = known and all(camera.T_base_camera is not None for camera in place_map.manifest.cameras)
    if not known or max_stamp_difference_ms == 0:
        why = "nobody says where a camera sits" if not known else "the stamp difference is 0"
        return {"rows": rows, "rig": None, "rig_left_out": why, "contradicting_mounts": []}
    together, check = rig_outcomes(outcomes, place_map, config, max_stamp_difference_ms)
    return {
        "rows": rows,
        "rig": {**_figures(together), "within_ms": max_stamp_difference_ms},
        "rig_left_out": None,
        "contradicting_mounts": [asdict(found) for found in check.contradictions.values()],
    }


def rig_outcomes(
    outcomes: Outcomes, place_map: PlaceMap, config: LocalizerConfig, max_stamp_difference_ms: float
) -> tuple[Outcomes, MountCheck]:
    """One row for the images of one time, judged as the query of the camera that speaks; and what mounts contradict."""
    check, calibration = MountCheck(), place_map.manifest.calibration
    fused = {}
    for numbers in _sets(outcomes, max_stamp_difference_ms):
        answers = [outcomes.rows[number].answer for number in numbers]
        check.add(sorted(answers, key=lambda answer: answer.camera))
        trusted = [answer for answer in answers if answer.camera not in check.contradictions]
        answer = fuse(trusted or answers, config, calibration)
        speaker = next(number for number in numbers if outcomes.rows[number].answer.camera == answer.camera)
        fused[speaker] = replace(outcomes.rows[speaker], answer=answer)
    keep = np.isin(np.arange(len(outcomes)), list(fused))
    return Outcomes([fused[number] for number in sorted(fused)], outcomes.positives.subset(keep)), check


def _sets(outcomes: Outcomes, max_stamp_difference_ms: float) -> Iterator[list[int]]:
    """Numbers of the rows of one time, one of each camera at most; every row is in one set."""
    rows = outcomes.rows
    together: list[int] = []
    for number in sorted(range(len(rows)), key=lambda number: rows[number].answer.stamp_ns):
        answer = rows[number].answer
        if together and (
            answer.stamp_ns - rows[together[0]].answer.stamp_ns > max_stamp_difference_ms * NS_PER_MS
            or answer.camera in {rows[member].answer.camera for member in together}
        ):
            yield together
            together = []
        together.append(number)
    if together:
        yield together


def _of_camera(outcomes: Outcomes, name: str) -> Outcomes:
    keep = np.array([row.answer.camera == name for row in outcomes.rows])
    return Outcomes([row for row in outcomes.rows if row.answer.camera == name], outcomes.positives.subset(keep))


def _figures(outcomes: Outcomes) -> dict[str, Any]:
    accepted, right = outcomes.accepted, outcomes.right
    errors_m = outcomes.published_errors.translation_m
    errors_m = errors_m[np.isfinite(errors_m)]
    kinds = Counter(row.answer.pose_source for row in outcomes.rows if row.answer.accepted)
    return {
        "answers": len(outcomes),
        "right": int(right.sum()),
        "accepted": int(accepted.sum()),
        "accepted_wrong": int((accepted & ~right).sum()),
        "accepted_geometric": kinds["geometric"],
        "published_median_m": float(np.median(errors_m)) if len(errors_m) else None,
    }
