# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A long map from a short one: its frames, and made-up ones far away that no image looks like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.pose import Pose
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.frame_table import FrameRow, write_frame_table
from vpr_ros.maps.manifest_parts import FileEntry

FAR_M = 1000.0


def many_frames_map(short: PlaceMap, path: Path, frames: int, seed: int = 1) -> PlaceMap:
    """Write the map *path* of *frames*: those of *short*, then a line of others, each alike the one before."""
    rng = np.random.default_rng(seed)
    dim, count = short.manifest.model.descriptor_dim, len(short)
    rows = rng.standard_normal((frames, dim)).astype(np.float32)
    for row in range(1, frames):
        rows[row] = 0.8 * rows[row - 1] + 0.6 * rows[row]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[:count] = short.descriptors
    path.mkdir()
    np.save(path / "descriptors.npy", rows)
    poses = [short.pose(row) if row < count else Pose((FAR_M + row, 0.0, 0.0)) for row in range(frames)]
    lines = [FrameRow(row * 1_000_000, 0, 0, pose, f"{row}") for row, pose in enumerate(poses)]
    write_frame_table(path / "frames.csv", lines)
    manifest = replace(
        short.manifest,
        frames=frames,
        sessions=(replace(short.manifest.sessions[0], frames=frames),),
        files={name: FileEntry.of(path / name) for name in ("frames.csv", "descriptors.npy")},
        thumbnails=0,
        thumbnails_sha256="",
        local=None,
    )
    (path / "manifest.yaml").write_text(manifest.to_yaml(), encoding="utf-8")
    return PlaceMap.open(path)


def questions(place_map: PlaceMap, count: int, seed: int = 2) -> npt.NDArray[np.float32]:
    """(count, D) descriptors that look somewhat like frames spread over the map, and are none."""
    rng = np.random.default_rng(seed)
    asked = place_map.descriptors[np.linspace(0, len(place_map) - 1, count).astype(int)].astype(np.float32)
    asked += rng.standard_normal(asked.shape).astype(np.float32) / np.sqrt(asked.shape[1], dtype=np.float32)
    return np.asarray(asked / np.linalg.norm(asked, axis=1, keepdims=True), dtype=np.float32)
