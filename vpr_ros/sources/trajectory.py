# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A trajectory file, whatever its format: poses by time, by image name, or in the order of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vpr_ros.core.frames import GeoDatum
from vpr_ros.core.pose import Pose


@dataclass(frozen=True)
class Trajectory:
    """What a trajectory file says. Exactly one of the first three is set.

    Attributes:
        format: its name, for people.
        timed: (stamp_ns, pose) as written.
        named: pose by image name, as written; where a value is NaN or a quaternion has no length it is kept.
        ordered: one pose per image.
        datum: origin of the local frame when the file holds latitudes and longitudes.
        stamps_ns: recorded time by image name, where the file has a column of times.
        ids: the number of the image that each timed pose belongs to, as written, where the file has such a column.
        warnings: what in the file was not used or not taken as said, for people.
    """

    format: str
    timed: Sequence[tuple[int, Pose]] | None = None
    named: Mapping[str, Pose] | None = None
    ordered: Sequence[Pose] | None = None
    datum: GeoDatum | None = None
    stamps_ns: Mapping[str, int] = field(default_factory=dict)
    ids: Sequence[str] = ()
    warnings: tuple[str, ...] = ()
