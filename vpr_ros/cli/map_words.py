# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the commands say of a map: its size, and where it lies in a grid."""

from __future__ import annotations

import math

from vpr_ros.maps.grid_alignment import GridAlignment
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.thumbnails import THUMBNAILS_NAME


def map_bytes(place_map: PlaceMap) -> int:
    """Of its tables, descriptors, local features and pictures."""
    manifest = place_map.manifest
    tables = sum(entry.size_bytes for entry in manifest.files.values())
    local = sum(entry.size_bytes for entry in manifest.local.files.values()) if manifest.local else 0
    pictures = sum(path.stat().st_size for path in (place_map.path / THUMBNAILS_NAME).glob("*.jpg"))
    return tables + local + pictures


def size_text(place_map: PlaceMap) -> str:
    """In a few words."""
    sessions = len(place_map.manifest.sessions)
    of = f" of {sessions} sessions" if sessions > 1 else ""
    return f"{len(place_map)} frames{of}, {map_bytes(place_map) / 2**20:.1f} MiB"


def grid_text(grid: GridAlignment) -> str:
    """In one line."""
    x_m, y_m, z_m = grid.T_grid_map.position_m
    yaw_rad = float(grid.T_grid_map.rotation.as_euler("ZYX")[0])
    return (
        f"T_grid_map: x {x_m:.3f} y {y_m:.3f} z {z_m:.3f} m, yaw {math.degrees(yaw_rad):.2f} degrees in frame "
        f"{grid.frame_id!r}, from {grid.pairs} pairs, {grid.residual_m:.3f} m left (rms)"
    )
