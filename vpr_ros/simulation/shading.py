# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From what each pixel shows to how bright it is: sun, shadow, lamps, windows, snow, fog and sky."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.simulation.conditions import Conditions, Season, TimeOfDay
from vpr_ros.simulation.ground import plan_bounds
from vpr_ros.simulation.labels import Label
from vpr_ros.simulation.raster import GROUND, NOTHING, Raster
from vpr_ros.simulation.sunlight import LIGHT, Light, sun_direction
from vpr_ros.simulation.surfaces import Surfaces
from vpr_ros.simulation.town import HEIGHT_MAP_CELL_M, Town
from vpr_ros.simulation.visibility import View

Float32 = npt.NDArray[np.float32]

_LAMP_RANGE_M: Final = 55.0
_LAMP_RGB: Final = np.array([1.0, 0.74, 0.42], dtype=np.float32)
_WINDOW_RGB: Final = np.array([255.0, 205.0, 128.0], dtype=np.float32)
_SNOW_RGB: Final = np.array([228.0, 234.0, 244.0], dtype=np.float32)
_LEAF_RGB: Final = np.array([168.0, 104.0, 40.0], dtype=np.float32)
_CLOUD_HEIGHT_M: Final = 300.0


def shade(raster: Raster, surfaces: Surfaces, town: Town, view: View, conditions: Conditions) -> Float32:
    """Light a raster: (3, H, W) float32, about 0..255. Channels come first: NumPy is slow along an axis of three."""
    light = LIGHT[conditions.time_of_day]
    sky = raster.surface == NOTHING
    depth: Float32 = np.reciprocal(np.maximum(raster.inverse_depth, np.float32(1e-4)))
    east, north, up = _positions(view, depth)
    colour = np.ascontiguousarray(np.moveaxis(raster.texel[..., :3], -1, 0), dtype=np.float32)
    _cover_ground(colour, raster, town, conditions, east, north)
    factor = _sunlight(raster, surfaces, town, conditions, light, (east, north, up))
    if light.lamps > 0:
        factor += _lamplight(town, light, view, (east, north, up))
    colour *= factor
    _light_windows(colour, raster, surfaces, conditions, light)
    _add_fog(colour, depth, conditions, light)
    rows = np.flatnonzero(sky.any(axis=1))
    if len(rows):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        np.copyto(colour[:, part], _sky(town, view, conditions, light, part), where=sky[part])
    return colour


def _positions(view: View, depth: Float32) -> tuple[Float32, Float32, Float32]:
    """Map coordinates of what each pixel shows."""
    height, width = depth.shape
    columns, rows = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    east, north, up = (
        (np.float32(ray[0]) * columns + (np.float32(ray[1]) * rows + np.float32(ray[2]))) * depth + np.float32(origin)
        for ray, origin in zip(view.rays, view.eye_m, strict=True)
    )
    return east, north, up


def _lookup(picture: Float32, east: Float32, north: Float32, west_m: float, north_m: float, cell_m: float) -> Float32:
    across = (east - np.float32(west_m)) * np.float32(1.0 / cell_m) - np.float32(0.5)
    down = (np.float32(north_m) - north) * np.float32(1.0 / cell_m) - np.float32(0.5)
    return np.asarray(cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), dtype=np.float32)


def _cover_ground(
    colour: Float32, raster: Raster, town: Town, conditions: Conditions, east: Float32, north: Float32
) -> None:
    """Let snow or leaves lie on the ground, more where nobody drives or walks."""
    rows = np.flatnonzero((raster.surface == GROUND).any(axis=1))
    if not len(rows):
        return
    part = slice(int(rows[0]), int(rows[-1]) + 1)
    is_ground = raster.surface[part] == GROUND
    shift = 3.7 * (conditions.weather_seed % 1000)
    fine = _lookup(town.clouds, east[part], north[part], 0.0, 0.0, 0.02)
    near = np.minimum(raster.inverse_depth[part] * 9.0, 1.0)
    colour[:, part] *= np.float32(1.0) + np.float32(0.1) * (fine * near * is_ground)
    if conditions.season is Season.SUMMER:
        return
    coarse = _lookup(town.clouds, east[part], north[part], shift, shift, 0.05)
    hold = raster.texel[part][..., 3].astype(np.float32) / 255.0
    if conditions.season is Season.WINTER:
        cover = np.clip((hold + 0.35 * coarse - 0.12) * 2.6, 0.0, 0.97)
        other = _SNOW_RGB
    else:
        cover = np.clip((hold * 0.8 + 0.9 * fine + 0.5 * coarse - 0.75) * 3.0, 0.0, 0.9)
        other = _LEAF_RGB
    cover *= is_ground
    colour[:, part] += cover * (other[:, None, None] - colour[:, part])


def _sunlight(
    raster: Raster,
    surfaces: Surfaces,
    town: Town,
    conditions: Conditions,
    light: Light,
    position: tuple[Float32, Float32, Float32],
) -> Float32:
    """Return (3, H, W) factors: ambient light everywhere, the sun where nothing stands before it."""
    east, north, up = position
    sun = sun_direction(conditions, light)
    strength = np.array(light.sun_rgb, dtype=np.float32) * np.float32(1.0 - conditions.overcast)
    ambient = np.array(light.ambient_rgb, dtype=np.float32)
    if conditions.time_of_day is not TimeOfDay.NIGHT:
        ambient = ambient + np.array(light.sun_rgb, dtype=np.float32) * np.float32(0.55 * conditions.overcast)
    cosine = np.maximum(surfaces.normal @ sun, 0.0)
    facing = surfaces.normal @ np.array([0.28, -0.18, 0.1])
    cosine[surfaces.label == Label.VEGETATION] = 0.6
    facing[surfaces.label == Label.VEGETATION] = 0.0
    by_surface = np.r_[cosine, 0.0, sun[2]].astype(np.float32)  # -2: nothing, -1: the ground
    tone = np.r_[1.0 + facing, 0.0, 1.06].astype(np.float32)
    lit = by_surface[raster.surface]
    if strength.max() > 0.01:
        low, high = plan_bounds(town.plan)
        shadow = _lookup(
            town.shadow_map_m(conditions.sun_azimuth_rad, light.sun_elevation_rad),
            east, north, float(low[0]), float(high[1]), HEIGHT_MAP_CELL_M,
        )  # fmt: skip
        lit *= np.clip((up - shadow) * 1.5 + 0.75, 0.0, 1.0)
    factor = tone[raster.surface] * ambient[:, None, None]
    factor += lit * strength[:, None, None]
    return np.asarray(factor, dtype=np.float32)


def _lamplight(town: Town, light: Light, view: View, position: tuple[Float32, Float32, Float32]) -> Float32:
    """Return (3, H, W) factors from street lamps around, and from the viewer's own headlights."""
    small = tuple(cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST) for p in position)
    glow = np.zeros(small[0].shape, dtype=np.float32)
    offset = town.furnishing.lamps_m[:, :2] - view.eye_m[:2]
    forward = offset @ view.rotation[:2, 2]
    distance = np.linalg.norm(offset, axis=1)
    for lamp in town.furnishing.lamps_m[(distance < _LAMP_RANGE_M) & (forward > -12.0)]:
        dx, dy, dz = (p - np.float32(v) for p, v in zip(small, lamp, strict=True))
        squared = dx * dx + dy * dy + dz * dz
        downward = np.clip(0.35 - dz / np.sqrt(squared + np.float32(0.01)), 0.12, 1.0)
        glow += downward * (np.float32(42.0) / (squared + np.float32(16.0)))
    ahead = np.sqrt(sum((p - np.float32(v)) ** 2 for p, v in zip(small, view.eye_m, strict=True)))
    head = np.float32(0.3) * np.exp(-ahead / np.float32(16.0)) * np.clip((2.2 - small[2]) * 0.6, 0.1, 1.0)
    height, width = position[0].shape
    whole = (width, height)
    street = cv2.resize(glow, whole, interpolation=cv2.INTER_LINEAR)
    own = cv2.resize(head.astype(np.float32), whole, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.float32(light.lamps) * (street * _LAMP_RGB[:, None, None] + own), dtype=np.float32)


def _light_windows(colour: Float32, raster: Raster, surfaces: Surfaces, conditions: Conditions, light: Light) -> None:
    """Add what windows, signs and lamps shine, and the glow around them."""
    if light.lamps == 0:
        return
    rng = np.random.default_rng([conditions.weather_seed, 81])
    threshold = 255.0 - 215.0 * np.clip(light.lit_share + rng.uniform(-0.2, 0.25, len(surfaces)), 0.0, 1.0)
    threshold[surfaces.cutout] = 300.0
    by_surface = np.r_[threshold, 300.0, 300.0].astype(np.float32)
    own = raster.texel[..., 3].astype(np.float32)
    shine = np.clip((own - by_surface[raster.surface]) * 0.2, 0.0, 1.0) * np.float32(light.lamps)
    if not shine.any():
        return
    texel = np.moveaxis(raster.texel[..., :3], -1, 0)
    colour += shine * (np.float32(0.55) * (texel + _WINDOW_RGB[:, None, None]))
    height, width = shine.shape
    small = cv2.resize(shine, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    halo = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.5), (width, height), interpolation=cv2.INTER_LINEAR)
    colour += halo * (np.float32(0.28) * _WINDOW_RGB[:, None, None])


def _add_fog(colour: Float32, depth: Float32, conditions: Conditions, light: Light) -> None:
    if conditions.fog_density_per_m <= 0:
        return
    kept = np.exp(depth * np.float32(-conditions.fog_density_per_m))
    colour *= kept
    colour += (np.float32(1.0) - kept) * _fog_rgb(conditions, light)[:, None, None]


def _fog_rgb(conditions: Conditions, light: Light) -> Float32:
    horizon, cloud = np.array(light.horizon_rgb), np.array(light.cloud_rgb)
    return np.asarray(horizon + conditions.overcast * 0.6 * (0.9 * cloud - horizon), dtype=np.float32)


def _sky(town: Town, view: View, conditions: Conditions, light: Light, part: slice) -> Float32:
    """Paint the sky: bluer towards the zenith, clouds on a plane overhead, the horizon in the fog's colour."""
    columns = np.arange(view.camera.width_px, dtype=np.float32)[None]
    rows = np.arange(part.start, part.stop, dtype=np.float32)[:, None]
    x, y, z = (np.float32(ray[0]) * columns + (np.float32(ray[1]) * rows + np.float32(ray[2])) for ray in view.rays)
    rise = np.clip(z, 0.0, 1.2)
    far: Float32 = np.float32(_CLOUD_HEIGHT_M) * np.reciprocal(np.maximum(z, np.float32(0.03)))
    shift = 97.0 * (conditions.weather_seed % 997)
    cloud = _lookup(town.clouds, x * far + np.float32(view.eye_m[0]), y * far, shift, shift, 3.0)
    share = np.clip(np.float32(1.3) * cloud + np.float32(1.6 * conditions.overcast - 0.25), 0.0, 1.0)
    share *= np.minimum(rise * np.float32(8.0), np.float32(1.0)) * np.float32(0.9)
    blue = np.minimum(rise * np.float32(1.2), np.float32(1.0))
    blue *= 1.0 - share
    white = share * (np.float32(0.86) + np.float32(0.12) * cloud)
    fog = _fog_rgb(conditions, light)[:, None, None]
    seen = np.float32(np.exp(-conditions.fog_density_per_m * 120.0))
    zenith, clouds = (np.array(c, np.float32)[:, None, None] for c in (light.zenith_rgb, light.cloud_rgb))
    sky = (blue * seen) * (zenith - fog)
    sky += (white * seen) * clouds
    sky += (np.float32(1.0) - share * seen) * fog
    return np.asarray(sky, dtype=np.float32)
