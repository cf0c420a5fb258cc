"""Open a trajectory file: recognise the format, read it."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.core.errors import SourceError
from vpr_ros.sources.kitti_raw import is_oxts, read_oxts
from vpr_ros.sources.trajectory import Trajectory
from vpr_ros.sources.trajectory_csv import looks_like_csv, read_csv_trajectory
from vpr_ros.sources.trajectory_text import read_text_trajectory

TRAJECTORY_NAMES = (
    "trajectory.txt", "groundtruth.txt", "groundtruth_tum.txt", "poses.txt",
    "poses.csv", "trajectory.csv", "images.txt",
)  # fmt: skip
"""Looked for in an image folder, in this order, where no file is named."""


def read_trajectory(path: Path) -> Trajectory:
    """Read TUM, KITTI, EuRoC, COLMAP text or CSV, or the ``oxts`` folder of a KITTI raw drive.

    Raises:
        SourceError: the file is missing, binary, or in no known format.
        ClockError: the time of the folder jumps backwards.
    """
    if is_oxts(path):
        return read_oxts(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(
            f"the trajectory {path} cannot be read ({error.strerror or error})", "Give --poses a text file"
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"the trajectory {path} is no text in UTF-8 ({error})",
            "Give --poses a text file; save this one as UTF-8 if it is text",
        ) from error
    return read_csv_trajectory(path, text) if looks_like_csv(text) else read_text_trajectory(path, text)


def find_trajectory(folder: Path) -> Path | None:
    """The trajectory that lies beside the images, if one does."""
    return next((folder / name for name in TRAJECTORY_NAMES if (folder / name).is_file()), None)
