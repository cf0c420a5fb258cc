# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The place of an aligned map in its grid, on /tf_static: grid -> map, beside whoever broadcasts map -> odom."""

from __future__ import annotations

from typing import Any

from vpr_ros.core.errors import ConfigError, VprError
from vpr_ros.core.pose import Pose
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.localizer.frame_names import same_frame
from vpr_ros.ros.localizer.setup import LocalizerSetup

SOURCE = "T_grid_map"
"""Under which its errors are logged."""


class GridTransform:
    """Publishes ``T_grid_map`` of the map in use, once for every change. What fails is logged, and ends nothing."""

    def __init__(self, errors: ErrorLog, logger: Any) -> None:
        self._errors = errors
        self._logger = logger
        self._sent: tuple[Pose, str, str] | None = None

    def publish(self, setup: LocalizerSetup, stamp_ns: int) -> None:
        """Publish where the map of *setup* lies, if somebody aligned it and it was not said before."""
        try:
            wanted = grid_transform(setup)
        except VprError as error:
            self._errors.report(SOURCE, error)
            return
        self._errors.forget(SOURCE)
        if wanted is None and self._sent is not None:
            _, grid_frame, map_frame = self._sent
            self._logger.warning(
                f"the map in use is aligned with no grid: {grid_frame!r} -> {map_frame!r} of the map before stays on "
                "/tf_static until this node ends"
            )
            self._sent = None
        if wanted is None or wanted == self._sent or setup.transforms is None:
            return
        setup.transforms.broadcast_static(*wanted, stamp_ns)
        self._sent = wanted


def grid_transform(setup: LocalizerSetup) -> tuple[Pose, str, str] | None:
    """``T_grid_map``, the grid's frame and the map's; None where nobody aligned the map.

    Raises:
        ConfigError: the two frames are one, or the grid's is a frame below the map's; or there is no TF.
    """
    grid = setup.place_map.manifest.grid
    if grid is None:
        return None
    settings, map_frame = setup.settings, setup.map_frame
    grid_frame = settings.grid_frame or grid.frame_id
    if same_frame(grid_frame, map_frame):
        raise ConfigError(
            f"the map lies in the grid {grid_frame!r} by its T_grid_map, and its own frame is called {map_frame!r} "
            "too, so that no transform says where",
            "Set map_frame to another name, for example vpr_map, or correct grid_frame",
        )
    for below, parameter in ((settings.odom_frame, "odom_frame"), (settings.base_frame, "base_frame")):
        if same_frame(grid_frame, below):
            raise ConfigError(
                f"the grid's frame is called {grid_frame!r} as {parameter}, which moves below the map's frame",
                "Correct grid_frame, or align the map anew with edit_map align --grid-frame",
            )
    if setup.transforms is None:
        raise ConfigError(
            "the map is aligned with a grid, and there is no TF to publish that",
            "Set use_tf to true and install ros-$ROS_DISTRO-tf2-ros-py",
        )
    return grid.T_grid_map, grid_frame, map_frame
