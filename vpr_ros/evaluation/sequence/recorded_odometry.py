# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The odometry of a recording: where its wheels had it at the time of each image, while its poses say where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import ODOMETRY_NAME
from vpr_ros.core.pose import Pose
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.text_lines import is_file

NO_ODOMETRY: Final = "none"

Key = tuple[int, str]
"""Stamp and camera of an image."""


def odometry_file(recording: Path, given: str | None) -> str | None:
    """What stands for the odometry: *given*, or ``odometry.txt`` in or beside the recording; None: there is none."""
    if given is not None:
        return None if given == NO_ODOMETRY else given
    beside = (recording / ODOMETRY_NAME, recording.parent / ODOMETRY_NAME)
    return next((str(file) for file in beside if is_file(file)), None)


def recorded_odometry(recording: Path, options: SourceOptions, given: str) -> Mapping[Key, Pose]:
    """``T_odom_base`` by stamp and camera of the images that have one.

    Args:
        recording: with the images.
        options: how it is read; its poses are not.
        given: a trajectory file, or the Odometry topic of a bag.

    Raises:
        SourceError: neither is there, or no image has odometry.
    """
    is_topic = given.startswith("/") and not is_file(Path(given))
    poses = {"poses": None, "pose_topic": given} if is_topic else {"poses": Path(given), "pose_topic": None}
    source = open_source(
        recording, replace(options, **poses, map_frame=None, camera_frame=None, intrinsics=None, require_poses=False)
    )
    found = {
        (record.stamp_ns, record.camera): record.T_map_base
        for record in source
        if record.T_map_base is not None and record.T_map_base.has_orientation
    }
    if not found:
        raise SourceError(
            f"{given} has odometry for none of the images of {recording}: {source.description}",
            "Give --odometry a trajectory file with the times of the images, an Odometry topic of the bag, or none",
        )
    return found
