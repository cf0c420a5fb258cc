"""What a user can choose when building a map, and what comes back."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import PositionM
from vpr_ros.maps.calibration import Calibration
from vpr_ros.maps.descriptor_file import DtypeName


@dataclass(frozen=True)
class BuildConfig:
    """Options of ``build_map``.

    Attributes:
        min_distance_m, min_angle_rad: a frame enters the map when its camera moved or turned this far since the
            last one that did; 0 lets every frame in.
        batch_size: images per call of the network.
        dtype: of the descriptors on disk; float16 halves the file and searches slower.
        thumbnails: keep a small picture of every frame, for RViz and reports.
        thumbnail_width_px: their width.
        radius_m: two frames nearer than this are the same place; None = chosen from the map's extent and spacing.
        workers: threads that decode images.
        overwrite: replace a map that already stands at the output.
        frame_id: name of the map's frame, where somebody names it; see ``map_frame``.
        origin_m: this point of the source's coordinates becomes the map's zero; None leaves them as they are.
        local_origin: the first frame's position, in whole metres, becomes the map's zero.
    """

    min_distance_m: float = 0.5
    min_angle_rad: float = math.radians(15.0)
    batch_size: int = 8
    dtype: DtypeName = "float32"
    thumbnails: bool = True
    thumbnail_width_px: int = 160
    radius_m: float | None = None
    workers: int = field(default_factory=lambda: max(1, min(4, (os.cpu_count() or 1) // 2)))
    overwrite: bool = False
    frame_id: str | None = None
    origin_m: PositionM | None = None
    local_origin: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out.

        Raises:
            ConfigError: an option outside its bounds.
        """
        for name, value, right, expected in (
            ("min_distance_m", self.min_distance_m, 0 <= self.min_distance_m < math.inf, "0 or more"),
            ("min_angle_rad", self.min_angle_rad, 0 <= self.min_angle_rad < math.inf, "0 or more"),
            ("batch_size", self.batch_size, self.batch_size >= 1, "1 or more"),
            ("dtype", self.dtype, self.dtype in ("float32", "float16"), "float32 or float16"),
            ("thumbnail_width_px", self.thumbnail_width_px, self.thumbnail_width_px >= 16, "16 or more"),
            ("radius_m", self.radius_m, self.radius_m is None or 0 < self.radius_m < math.inf, "more than 0"),
            ("origin_m", self.origin_m, all(map(math.isfinite, self.origin_m or ())), "finite metres"),
            ("local_origin", self.local_origin, not (self.local_origin and self.origin_m), "False beside an origin_m"),
            ("workers", self.workers, self.workers >= 1, "1 or more"),
        ):
            if not right:
                raise ConfigError(f"{name} is {value!r}, expected {expected}", f"Choose another {name}")


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        path: the finished map.
        frames: how many the map holds, earlier sessions included.
        added: how many this build added.
        resumed: how many of those an interrupted build had already finished.
        skipped: reason -> frames left out for it.
        calibration: how reliable the map found itself.
        seconds: wall time of this run.
        undecodable: names of the images that this run left out because they do not decode.
        origin_m: where the map's zero lies in the coordinates of its recordings; None: it has theirs.
        was_complete: the build to be resumed was complete and in its place already, so nothing was added.
    """

    path: Path
    frames: int
    added: int
    resumed: int
    skipped: dict[str, int]
    calibration: Calibration
    seconds: float
    undecodable: tuple[str, ...] = ()
    origin_m: PositionM | None = None
    was_complete: bool = False
