"""One picture of a town, with the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.simulation.conditions import CONDITIONS, Conditions
from vpr_ros.simulation.labels import Label
from vpr_ros.simulation.raster import rasterize
from vpr_ros.simulation.sensor import expose
from vpr_ros.simulation.shading import shade
from vpr_ros.simulation.surfaces import Surfaces
from vpr_ros.simulation.town import Town
from vpr_ros.simulation.traffic import traffic
from vpr_ros.simulation.visibility import View

_TRAFFIC_RANGE_M: Final = 120.0


@dataclass(frozen=True, eq=False)
class Rendering:
    """A picture and what is in it.

    Attributes:
        image_rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32, distance along the optical axis; inf in the sky.
        label: (H, W) uint8, values of ``Label``.
    """

    image_rgb: ImageRgb
    depth_m: npt.NDArray[np.float32]
    label: npt.NDArray[np.uint8]


def render(
    town: Town,
    camera: CameraIntrinsics,
    T_map_camera_optical: Pose,
    conditions: Conditions = CONDITIONS["day"],
    *,
    time_s: float = 0.0,
    noise_seed: int = 0,
) -> Rendering:
    """Render what a camera sees. The same arguments give the same picture, bit for bit.

    Args:
        town: what to see.
        camera: its intrinsics.
        T_map_camera_optical: the camera's optical frame (z forward, x right, y down) in the map.
        conditions: hour, season, weather, traffic and sensor.
        time_s: moves traffic.
        noise_seed: of the sensor noise; give every frame its own.

    Raises:
        ConfigError: a pose below the ground, without orientation, or with numbers that are not finite.
    """
    view = _view(camera, T_map_camera_optical)
    near = traffic(town, conditions, time_s, view.eye_m[:2], _TRAFFIC_RANGE_M)
    surfaces = Surfaces.joined([town.surfaces, near])
    raster = rasterize(surfaces, town.textures, town.ground, view, conditions.season)
    radiance = shade(raster, surfaces, town, view, conditions)
    with np.errstate(divide="ignore"):
        depth_m = np.float32(1.0) / raster.inverse_depth
    labels = np.r_[surfaces.label, np.uint8(Label.SKY), np.uint8(Label.GROUND)]  # indices -2 and -1
    return Rendering(expose(radiance, conditions, noise_seed), depth_m, labels[raster.surface])


def _view(camera: CameraIntrinsics, T_map_camera_optical: Pose) -> View:
    if not T_map_camera_optical.has_orientation or not T_map_camera_optical.is_finite:
        raise ConfigError(
            f"found the camera pose {T_map_camera_optical}, expected finite numbers and an orientation",
            "Give the full pose of the camera",
        )
    eye_m = np.array(T_map_camera_optical.position_m)
    if eye_m[2] < 0.05:
        raise ConfigError(
            f"found a camera {eye_m[2]} m above the ground, expected at least 0.05 m",
            "Mount the camera above the ground (z is up)",
        )
    return View(camera, np.asarray(T_map_camera_optical.rotation.as_matrix()), eye_m)
