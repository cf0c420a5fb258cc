"""What a user may say about a source of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.image_header import LARGEST_PIXEL_LIMIT, MAX_IMAGE_PIXELS
from vpr_ros.core.time_ns import NS_PER_S


@dataclass(frozen=True)
class SourceOptions:
    """How to read a recording.

    Attributes:
        poses: trajectory file (TUM, KITTI, EuRoC, RTAB-Map, COLMAP text, CSV); None looks inside the recording.
        image_topics: which cameras of a bag; empty takes every image topic.
        pose_topic: Odometry, PoseStamped, PoseWithCovarianceStamped or NavSatFix topic of a bag; None takes
            the only one there is.
        map_frame: take the poses from the bag's TF, in this frame. Beside a pose topic or a trajectory
            file, and in a bag without TF, it only names the frame.
        camera_frame: TF frame of the camera; None takes the ``frame_id`` of the images.
        base_frame: the robot's TF frame. Where the bag links it rigidly to a camera, poses are those of
            the base and the camera's mount is known.
        max_gap_s: longest time between two poses that is interpolated; None adapts it to the rate of the poses (see
            ``PoseTrack.usual_gap_ns``).
        require_poses: False lets frames without a pose through, for playing and for queries.
        max_image_pixels: a larger image is left out before it is decoded.
    """

    poses: Path | None = None
    image_topics: tuple[str, ...] = ()
    pose_topic: str | None = None
    map_frame: str | None = None
    camera_frame: str | None = None
    base_frame: str = "base_link"
    max_gap_s: float | None = None
    require_poses: bool = True
    max_image_pixels: int = MAX_IMAGE_PIXELS

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            ConfigError: a gap or a limit that is not positive, or two pose sources at once.
        """
        if self.max_gap_s is not None and not self.max_gap_s > 0:
            raise ConfigError(
                f"the longest gap is {self.max_gap_s}, expected seconds above 0",
                "Give seconds, or leave --max-gap out",
            )
        if not 0 < self.max_image_pixels <= LARGEST_PIXEL_LIMIT:
            raise ConfigError(
                f"max_image_pixels is {self.max_image_pixels}, expected 1 to {LARGEST_PIXEL_LIMIT}",
                f"Leave it at {MAX_IMAGE_PIXELS}",
            )
        if self.poses is not None and self.pose_topic is not None:
            raise ConfigError("both a trajectory file and a pose topic are given", "Give one of --poses, --pose-topic")
        if self.camera_frame is not None and self.map_frame is None:
            raise ConfigError("a camera frame is given without a map frame", "Add --map-frame, for example map")

    @property
    def max_gap_ns(self) -> int | None:
        """``max_gap_s`` in nanoseconds, at most some 146 years."""
        return None if self.max_gap_s is None else round(min(self.max_gap_s * NS_PER_S, 2.0**62))
