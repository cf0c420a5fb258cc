# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A drive through a town as a source of frames, like a bag or a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.simulation.camera import T_BASE_CAMERA
from vpr_ros.simulation.conditions import Conditions
from vpr_ros.simulation.drive import DrivePlan, StampedPose
from vpr_ros.simulation.mishaps import Moment, other_town, plan_moments
from vpr_ros.simulation.position_noise import wandering
from vpr_ros.simulation.render import Rendering, render
from vpr_ros.simulation.town import Town

CAMERA_NAME = "camera"


class SimulatedSource:
    """Frames of one drive, rendered when somebody loads them. The mount is exact.

    Args:
        town: where.
        drive: which way, how fast.
        camera: its intrinsics.
        conditions: hour, season, weather and traffic.
        seed: of the sensor noise.
        T_base_camera: where the camera's optical frame sits on the robot.
        position_sigma_m: of recorded positions, as of GPS, see ``wandering``.
    """

    def __init__(
        self,
        town: Town,
        drive: DrivePlan,
        camera: CameraIntrinsics,
        conditions: Conditions,
        seed: int = 0,
        T_base_camera: Pose = T_BASE_CAMERA,
        position_sigma_m: float = 0.0,
    ) -> None:
        self.town = town
        self.drive = drive
        self.camera = camera
        self.conditions = conditions
        self.seed = seed
        self.T_base_camera = T_base_camera
        self.position_sigma_m = position_sigma_m

    @cached_property
    def elsewhere(self) -> Town | None:
        """The town of the detour; None where there is none."""
        return other_town(self.town, self.drive) if self.drive.detour_m else None

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """Every frame, with what befalls the drive."""
        return plan_moments(self.town, self.elsewhere, self.drive)

    @cached_property
    def poses(self) -> tuple[StampedPose, ...]:
        """Time and ``T_map_base`` of every frame."""
        return tuple(moment.truth for moment in self.moments)

    @property
    def driven(self) -> tuple[StampedPose, ...]:
        """Time of every frame, and where exact wheels would say that it is."""
        return tuple(moment.driven for moment in self.moments)

    @cached_property
    def recorded_poses(self) -> tuple[StampedPose, ...]:
        """The same as a recording has them."""
        return wandering(self.poses, self.position_sigma_m, self.seed)

    @property
    def map_frame_id(self) -> str:
        """Always "map"."""
        return "map"

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """The one camera."""
        return {CAMERA_NAME: CameraMount(CAMERA_NAME, "camera_optical_frame", self.T_base_camera, self.camera)}

    @property
    def datum(self) -> GeoDatum | None:
        """None: the town is nowhere on earth."""
        return None

    @property
    def is_drive(self) -> bool:
        """Always."""
        return True

    @property
    def description(self) -> str:
        """One line."""
        return (
            f"simulated town {self.town.seed}, route {self.drive.route_seed}, {self.conditions.time_of_day.value}, "
            f"{self.conditions.season.value}, {len(self)} frames"
        )

    def __len__(self) -> int:
        return len(self.moments)

    def rendering(self, index: int) -> Rendering:
        """Render frame *index* with its depth and labels."""
        moment = self.moments[index]
        town = self.elsewhere if moment.elsewhere and self.elsewhere is not None else self.town
        return render(
            town,
            self.camera,
            moment.T_town_base.compose(self.T_base_camera),
            self.conditions,
            time_s=(moment.stamp_ns - self.drive.start_ns) / NS_PER_S,
            noise_seed=self.seed * 1_000_003 + index,
        )

    def _image(self, index: int) -> ImageRgb:
        return self.rendering(index).image_rgb

    def __iter__(self) -> Iterator[FrameRecord]:
        for index, (stamp_ns, T_map_base) in enumerate(self.recorded_poses):
            yield FrameRecord(stamp_ns, CAMERA_NAME, str(stamp_ns), T_map_base, partial(self._image, index))
