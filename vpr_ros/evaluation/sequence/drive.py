# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a filter is told of a drive while its images are localized in their order, and what is kept for its rivals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from vpr_ros.core.frames import FrameRecord, ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.sequence.recorded_odometry import Key
from vpr_ros.localization import Localizer
from vpr_ros.localization.place_filter import OdometryReading


class Drive:
    """The images of one drive, in their order.

    Attributes:
        stamps_ns: of the images answered.
        odometry: of the same, None where there is none.
    """

    def __init__(self, localizer: Localizer, odometry: Mapping[Key, Pose]) -> None:
        """Tell the filter of *localizer* the odometry of each image; see ``recorded_odometry``."""
        self._localizer = localizer
        self._odometry = odometry
        self._descriptors: list[npt.NDArray[np.float32]] = []
        self.stamps_ns: list[int] = []
        self.odometry: list[Pose | None] = []

    @property
    def has_odometry(self) -> bool:
        """Whether any image has some."""
        return any(pose is not None for pose in self.odometry)

    @property
    def descriptors(self) -> npt.NDArray[np.float32]:
        """(Q, D) of the images answered."""
        return np.concatenate(self._descriptors)

    @property
    def travelled_m(self) -> npt.NDArray[np.float64] | None:
        """(Q,) the way until each image by odometry; None without."""
        if not self.has_odometry:
            return None
        steps_m = [self._step_m(number) or 0.0 for number in range(1, len(self.odometry))]
        return np.concatenate([[0.0], np.cumsum(steps_m)])

    def before(self, record: FrameRecord) -> None:
        """An image is about to be localized."""
        pose = self._odometry.get((record.stamp_ns, record.camera))
        if self._localizer.place_filter is not None:
            self._localizer.place_filter.drive(lambda: None if pose is None else OdometryReading(pose))

    def after(self, record: FrameRecord, image_rgb: ImageRgb) -> None:
        """It was."""
        extractor = self._localizer.extractor
        self._descriptors.append(extractor.infer(extractor.prepare([image_rgb])))
        self.stamps_ns.append(record.stamp_ns)
        self.odometry.append(self._odometry.get((record.stamp_ns, record.camera)))

    def carried(self, truths: list[Pose | None], tolerance_m: float) -> list[int]:
        """Numbers of the images before which the robot was carried: truth and odometry say other distances."""
        found = []
        for number in range(1, len(truths)):
            before, now, step_m = truths[number - 1], truths[number], self._step_m(number)
            if before is None or now is None or step_m is None:
                continue
            if before.distance_m(now) > step_m + tolerance_m:
                found.append(number)
        return found

    def _step_m(self, number: int) -> float | None:
        before, now = self.odometry[number - 1], self.odometry[number]
        return None if before is None or now is None else before.distance_m(now)
