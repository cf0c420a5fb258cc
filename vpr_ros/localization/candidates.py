# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Retrieved map frames as arrays: what the stages of the localizer hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose


@dataclass(frozen=True, eq=False)
class Candidates:
    """K map frames, best first, and the pose each would give the robot.

    Attributes:
        indices: (K,) int64, numbers of the map frames.
        similarities: (K,) float64, cosine.
        position_m: (K, 3) float64, hypothesis of the base in the map frame.
        quat_xyzw: (K, 4) float64, a row of NaN where the orientation is unknown.
    """

    indices: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]
    position_m: npt.NDArray[np.float64]
    quat_xyzw: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.indices)

    def taken(self, order: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Candidates:
        """The candidates *order* names, in its order."""
        return replace(
            self,
            indices=self.indices[order],
            similarities=self.similarities[order],
            position_m=self.position_m[order],
            quat_xyzw=self.quat_xyzw[order],
        )

    def poses(self, count: int) -> list[Pose]:
        """The first *count* hypotheses as poses; all at once, for one at a time takes twice as long."""
        known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(self.quat_xyzw[:count]).all(axis=1))
        rows = zip(self.position_m[:count].tolist(), self.quat_xyzw[:count].tolist(), known.tolist(), strict=True)
        return [
            Pose((x, y, z), (qx, qy, qz, qw) if has_orientation else None)
            for (x, y, z), (qx, qy, qz, qw), has_orientation in rows
        ]
