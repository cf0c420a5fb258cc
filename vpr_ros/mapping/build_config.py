# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a user can choose when building a map, and what comes back."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.options import check_options, option
from vpr_ros.core.pose import PositionM
from vpr_ros.mapping.index_choice import index_plans
from vpr_ros.maps.calibration import Calibration
from vpr_ros.maps.descriptor_file import DtypeName
from vpr_ros.maps.index_entry import DEFAULT_RECALL, IndexEntry
from vpr_ros.maps.local_codec import PACKABLE_BITS
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.manifest import MapManifest

DECODERS = max(1, min(4, (os.cpu_count() or 1) // 2))


class Gates(NamedTuple):
    """How far a camera must have moved or turned since the last frame that entered the map; 0 is no gate."""

    min_distance_m: float
    min_angle_rad: float


DRIVE_GATES = Gates(0.5, math.radians(15.0))


@dataclass(frozen=True)
class BuildConfig:
    """Options of ``build_map``."""

    min_distance_m: float | None = option(
        None,
        "a frame enters the map when its camera moved this far since the last one that did (default: "
        f"{DRIVE_GATES.min_distance_m:g} m; 0 for photos with poses in their names)",
        unit="m",
        minimum=0.0,
    )
    min_angle_rad: float | None = option(
        None,
        "or when it turned this far; with both at 0 every frame enters (default: "
        f"{math.degrees(DRIVE_GATES.min_angle_rad):g} degrees; 0 for photos with poses in their names)",
        unit="rad",
        minimum=0.0,
    )
    batch_size: int = option(8, "images per call of the network", minimum=1)
    dtype: DtypeName = option("float32", "of the descriptors on disk; float16 halves the file")
    thumbnails: bool = option(True, "keep a small picture of every frame, for RViz and reports")
    thumbnail_width_px: int = option(160, "width of these pictures", unit="px", minimum=16)
    radius_m: float | None = option(
        None,
        "frames nearer than this are one place: the map is calibrated at this radius, and every answer judged by it "
        "(default: chosen by the map's extent and spacing; a map added to keeps what it was given)",
        unit="m",
        above=0.0,
    )
    position_sigma_m: float | None = option(
        None,
        "standard deviation of the recorded positions along each axis, as of GPS: an error that neighbouring frames "
        "share. It is in every answer's covariance (default: what the fixes of the recording say, else 0)",
        unit="m",
        minimum=0.0,
        maximum=1000.0,
    )
    local: bool = option(True, "keep local features where the model gives them")
    local_bytes: int = option(
        16_000, "most bytes of local features that the map keeps of a frame: the best that fit", minimum=1
    )
    local_bits: int = option(
        4, "bits of each number of a local descriptor in the map: 1, 2, 4 or 8", minimum=1, maximum=8
    )
    index: str | None = option(
        None,
        "what finds the frames: auto (by their number), exact, compressed (a code of every descriptor), lists (codes "
        "in inverted lists, of which few are read), or milvus://HOST:PORT/COLLECTION: a server gets the descriptors "
        "(default: as the map that is added to, else auto)",
    )
    recall: float | None = option(
        None,
        "share of images whose most similar frame the index has to find (default: as the map that is added to, else "
        f"{DEFAULT_RECALL:g})",
        minimum=0.5,
        maximum=1.0,
    )
    refine_intrinsics: bool = option(
        False, "fit focal length, principal point and first distortion of the camera to the map's own matches"
    )
    workers: int = option(DECODERS, "threads that decode images", minimum=1)
    networks: int = option(
        1, "runs of the network at a time, which share a batch; more than one where each computes on a core", minimum=1
    )
    overwrite: bool = option(
        False,
        "replace a map that stands at MAP; beside --append only what an interrupted build left, beside --add-local "
        "also the local features that the map has of these frames, or all of another model",
    )
    frame_id: str | None = option(None, "name of the map's frame, where somebody names it; see ``map_frame``")
    origin_m: PositionM | None = option(None, "this point of the poses becomes the map's zero", unit="m")
    local_origin: bool = option(False, "the first frame's position, in whole metres, becomes the map's zero")

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out.

        Raises:
            ConfigError: see ``Option.checked``; or two origins at once.
        """
        check_options(self)
        if self.index is not None:
            index_plans(self.index, frames=1)
        if self.local_bits not in PACKABLE_BITS:
            raise ConfigError(f"local_bits is {self.local_bits}, expected 1, 2, 4 or 8", "Give one of them")
        if self.local_origin and self.origin_m is not None:
            raise ConfigError("an origin_m and a local_origin are given", "Give one of the two")

    @property
    def decoders(self) -> int:
        """Threads that decode images: never fewer than runs of the network, which wait for them."""
        return max(self.workers, self.networks)

    @property
    def images_per_run(self) -> int:
        """Images that the network is given at a time."""
        return max(1, self.batch_size // self.networks)

    def gates(self, is_drive: bool) -> Gates:
        """Those asked for; else a drive's, and none for photos, of which several may be of one place."""
        usual = DRIVE_GATES if is_drive else Gates(0.0, 0.0)
        asked = self.min_distance_m, self.min_angle_rad
        return Gates(*(one if one is not None else other for one, other in zip(asked, usual, strict=True)))


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
        describing_s: the part of it in which images were decoded, described and kept; the rest finished the map.
        undecodable: names of the images that this run left out because they do not decode.
        origin_m: where the map's zero lies in the coordinates of its recordings; None: it has theirs.
        local: of the map's local features; None where it has none.
        index: what finds the map's frames; None: every descriptor is asked.
        was_complete: the build to be resumed was complete and in its place already, so nothing was added.
    """

    path: Path
    frames: int
    added: int
    resumed: int
    skipped: dict[str, int]
    calibration: Calibration
    seconds: float
    describing_s: float = 0.0
    undecodable: tuple[str, ...] = ()
    origin_m: PositionM | None = None
    local: LocalEntry | None = None
    index: IndexEntry | None = None
    was_complete: bool = False

    @classmethod
    def of(
        cls,
        path: Path,
        counts: tuple[int, int, int, dict[str, int]],
        manifest: MapManifest,
        seconds: tuple[float, float],
        undecodable: tuple[str, ...],
    ) -> BuildReport:
        """Of the map that has *manifest*; *counts* are its first four attributes after the path, *seconds* both."""
        return cls(
            path,
            *counts,
            manifest.calibration,
            *seconds,
            undecodable=undecodable,
            origin_m=manifest.origin_m,
            local=manifest.local,
            index=manifest.index,
        )
