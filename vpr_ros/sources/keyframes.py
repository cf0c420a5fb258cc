# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Keep a frame only where the robot has moved on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.pose import Pose


def keyframes(records: Iterable[FrameRecord], min_distance_m: float, min_angle_rad: float) -> Iterator[FrameRecord]:
    """Yield, per camera, the first record and each one far enough from the last one yielded.

    Far enough is *min_distance_m* or *min_angle_rad*, whichever comes first; a gate of 0 is off, and two
    gates of 0 let everything through. Poses without orientation are judged by distance alone, and records
    that cannot be judged (no pose, or only an angle gate where no angle is known) are all yielded. No
    image is decoded.
    """
    last: dict[str, Pose] = {}
    for record in records:
        pose = record.T_map_base
        before = last.get(record.camera)
        if pose is None or before is None or _moved(before, pose, min_distance_m, min_angle_rad):
            if pose is not None:
                last[record.camera] = pose
            yield record


def _moved(before: Pose, now: Pose, min_distance_m: float, min_angle_rad: float) -> bool:
    gates = []
    if min_distance_m > 0:
        gates.append(before.distance_m(now) >= min_distance_m)
    if min_angle_rad > 0 and before.has_orientation and now.has_orientation:
        gates.append(before.angle_rad(now) >= min_angle_rad)
    return any(gates) or not gates
