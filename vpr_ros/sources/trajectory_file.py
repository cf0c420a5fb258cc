# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Open a trajectory file: recognise the format, read it."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.core.errors import SourceError
from vpr_ros.core.files import read_text
from vpr_ros.sources.kitti_raw import is_oxts, read_oxts
from vpr_ros.sources.text_lines import is_file, numbered_lines
from vpr_ros.sources.trajectory import Trajectory
from vpr_ros.sources.trajectory_colmap import is_colmap
from vpr_ros.sources.trajectory_csv import looks_like_csv, read_csv_trajectory
from vpr_ros.sources.trajectory_text import read_text_trajectory

TRAJECTORY_NAMES = (
    "trajectory.txt", "groundtruth.txt", "groundtruth_tum.txt", "poses.txt",
    "poses.csv", "trajectory.csv", "images.txt",
)  # fmt: skip
"""Looked for in an image folder, in this order, where no file is named."""


def read_trajectory(path: Path) -> Trajectory:
    """Read TUM, KITTI, EuRoC, RTAB-Map, COLMAP text or CSV, or the ``oxts`` folder of a KITTI raw drive.

    Raises:
        SourceError: the file is missing, no regular file, too large, binary, or in no known format.
        ClockError: the time of the folder jumps backwards.
    """
    if is_oxts(path):
        return read_oxts(path)
    text = read_text(path, SourceError)
    if is_colmap(path, numbered_lines(text)):  # whose comments may name a column NAME
        return read_text_trajectory(path, text)
    return read_csv_trajectory(path, text) if looks_like_csv(text) else read_text_trajectory(path, text)


def find_trajectory(folder: Path) -> Path | None:
    """The trajectory that lies beside the images, if one does."""
    return next((folder / name for name in TRAJECTORY_NAMES if is_file(folder / name)), None)
