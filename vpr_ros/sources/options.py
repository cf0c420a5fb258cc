# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a user may say about a source of frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.image_header import PixelLimit
from vpr_ros.core.options import check_options, option, same_option
from vpr_ros.core.time_ns import NS_PER_S


@dataclass(frozen=True)
class SourceOptions:
    """How to read a recording.

    Attributes:
        require_poses: False lets frames without a pose through, for playing and for queries.
    """

    poses: Path | None = option(
        None,
        "trajectory file: TUM, KITTI, EuRoC, RTAB-Map, COLMAP text or CSV (default: what the recording has itself)",
    )
    intrinsics: Path | None = option(
        None,
        "calibration of the camera, in place of what the recording says: camera_info YAML of ROS, EuRoC's sensor.yaml, "
        "COLMAP's cameras.txt, camera.yaml, or a 3x3 matrix as text",
    )
    image_topics: tuple[str, ...] = option((), "image topic of a bag (default: every image topic)")
    depth_images: bool = option(
        True, "take depths of local features from depth images where the recording has some (TUM RGB-D, --depth-topic)"
    )
    depth_topic: str | None = option(
        None, "topic of a bag with depth images that are registered to the camera: Image, or CompressedImage with PNG"
    )
    pose_topic: str | None = option(
        None,
        "Odometry, PoseStamped, PoseWithCovarianceStamped or NavSatFix topic of a bag (default: the only one there is)",
    )
    map_frame: str | None = option(
        None,
        "take the poses from the bag's TF, in this frame; beside --pose-topic or --poses, and in a bag without TF, "
        "only the name of the poses' frame",
    )
    camera_frame: str | None = option(None, "TF frame of the camera (default: the frame_id of the images)")
    base_frame: str = option(
        "base_link",
        "TF frame of the robot: where the bag links it rigidly to a camera, poses are those of the base and the "
        "camera's extrinsics are known",
    )
    max_gap_s: float | None = option(
        None,
        "longest time between two poses that is interpolated (default: 2.5 usual steps, 1 to 5 s)",
        unit="s",
        above=0.0,
        maximum=math.inf,  # any gap
    )
    max_image_pixels: int = same_option(PixelLimit, "max_image_pixels")
    require_poses: bool = True

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            ConfigError: see ``Option.checked``; or two pose sources at once.
        """
        check_options(self)
        if self.poses is not None and self.pose_topic is not None:
            raise ConfigError("both a trajectory file and a pose topic are given", "Give one of --poses, --pose-topic")
        if self.camera_frame is not None and self.map_frame is None:
            raise ConfigError("a camera frame is given without a map frame", "Add --map-frame, for example map")

    @property
    def max_gap_ns(self) -> int | None:
        """``max_gap_s`` in nanoseconds, at most some 146 years."""
        return None if self.max_gap_s is None else round(min(self.max_gap_s * NS_PER_S, 2.0**62))
