"""KITTI raw drives: images and GPS/IMU by frame number, with the time of each number in ``timestamps.txt``.

Geiger, Lenz, Stiller, Urtasun, "Vision meets robotics: the KITTI dataset", IJRR 2013, and ``oxts/dataformat.txt``.
A drive is unpacked as ``image_00`` to ``image_03`` and ``oxts``, each with ``data/0000000000.*`` and
``timestamps.txt``. The times are wall clock without a zone; they are read as UTC.
"""

from __future__ import annotations

import math
import re
from calendar import timegm
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from vpr_ros.core.errors import SourceError
from vpr_ros.core.files import read_text
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.sources.geodetic import local_enu
from vpr_ros.sources.pose_track import refuse_jumps
from vpr_ros.sources.text_lines import is_file, is_folder, numbered_lines
from vpr_ros.sources.trajectory import Trajectory

KITTI_RAW_CAMERAS: Final = ("image_02", "image_00", "image_03", "image_01")
"""Left colour first, then left grey: whichever a drive holds."""
OXTS_COLUMNS: Final = 30
"""lat lon alt roll pitch yaw and what is not read here: velocities, accelerations, accuracies, modes."""
_LARGEST_MEASUREMENT_BYTES: Final = 1 << 16
_CLOCK: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,9}))?")


def find_camera(folder: Path) -> Path | None:
    """The camera to read where *folder* is a drive, one of its cameras, or the ``data`` of one; else None.

    Raises:
        SourceError: the folder holds several drives.
    """
    if folder.name == "data" and folder.parent.name in KITTI_RAW_CAMERAS:
        return folder.parent
    if folder.name in KITTI_RAW_CAMERAS and is_folder(folder / "data"):
        return folder
    cameras = (folder / name for name in KITTI_RAW_CAMERAS)
    camera = next((c for c in cameras if is_folder(c / "data")), None)
    drives = [] if camera else sorted({c.parent.parent.name for c in folder.glob("*_drive_*/image_0[0-3]/data")})
    if drives:
        raise SourceError(
            f"{folder} holds {len(drives)} KITTI raw drives ({', '.join(drives[:3])}{', ...' if drives[3:] else ''})",
            "Give one of them, and add the next ones with --append",
        )
    return camera


def frame_stamps_ns(timestamps: Path, files: Sequence[Path]) -> list[int]:
    """When each of *files* was recorded: its name is a number, which counts the lines of *timestamps* from 0.

    Raises:
        SourceError: there is no such file, a line is no time, or a name is no number of a line.
        ClockError: time jumps backwards.
    """
    stamps_ns = _read_timestamps(timestamps)
    found = []
    for file in files:
        if not (file.stem.isascii() and file.stem.isdecimal()) or int(file.stem) >= len(stamps_ns):
            raise SourceError(
                f"{file}: its name is no frame number of {timestamps.parent.name}/{timestamps.name}, which has "
                f"{len(stamps_ns)} times",
                "Unpack both from one zip, and keep the names",
            )
        found.append(stamps_ns[int(file.stem)])
    refuse_jumps(str(timestamps), np.array(found, dtype=np.int64))
    return found


def read_oxts(folder: Path) -> Trajectory:
    """Read GPS/IMU: poses of the IMU (x ahead, y left, z up) in east, north, up from the first fix.

    Raises:
        SourceError: no measurement, or one that is none.
        ClockError: time jumps backwards.
    """
    files = sorted((folder / "data").glob("*.txt"))
    if not files:
        raise SourceError(f"{folder} holds no data/0000000000.txt", "Unpack the drive's oxts folder whole")
    stamps_ns = frame_stamps_ns(folder / "timestamps.txt", files)
    measured = [_measurement(file) for file in files]
    enu_m, datum = local_enu(*zip(*(fix for fix, _ in measured), strict=True))
    poses = (Pose.from_rotation(at_m, rotation) for at_m, (_, rotation) in zip(enu_m, measured, strict=True))
    return Trajectory("KITTI oxts", timed=list(zip(stamps_ns, poses, strict=True)), datum=datum)


def is_oxts(folder: Path) -> bool:
    """Whether *folder* looks like the ``oxts`` of a drive."""
    return is_file(folder / "timestamps.txt") and is_folder(folder / "data")


def _measurement(file: Path) -> tuple[tuple[float, float, float], Rotation]:
    """Latitude and longitude (degrees) and altitude (m); the rotation from IMU to east, north, up."""
    text = read_text(file, SourceError, _LARGEST_MEASUREMENT_BYTES)
    try:
        values = [float(cell) for cell in text.split()]
    except ValueError as error:
        raise SourceError(f"{file} is no GPS/IMU measurement ({error})", "Unpack it again, or remove it") from error
    if len(values) != OXTS_COLUMNS or not all(map(math.isfinite, values[:6])) or abs(values[0]) > 90:
        raise SourceError(
            f"{file} has {len(values)} numbers that begin with {values[:6]}, expected {OXTS_COLUMNS}: lat lon alt "
            "roll pitch yaw ...",
            "Unpack it again, or remove it",
        )
    latitude_deg, longitude_deg, altitude_m, roll_rad, pitch_rad, yaw_rad = values[:6]
    rotation = Rotation.from_euler("ZYX", [yaw_rad, pitch_rad, roll_rad])  # yaw 0 is east, towards north
    return (latitude_deg, longitude_deg, altitude_m), rotation


def _read_timestamps(file: Path) -> list[int]:
    if not is_file(file):
        raise SourceError(
            f"the times of the KITTI raw images, {file}, cannot be read (no such file)",
            "Unpack timestamps.txt beside data/; names like 0000000000 are frame numbers, not times",
        )
    lines = numbered_lines(read_text(file, SourceError).rstrip())
    return [_clock_ns(file, number, line.strip()) for number, line in lines]


def _clock_ns(file: Path, number: int, line: str) -> int:
    """``2011-09-26 13:02:25.964389445`` in nanoseconds since 1970."""
    matched = _CLOCK.fullmatch(line)
    try:
        if matched is None:
            raise ValueError("not a date and a time")
        whole = datetime.strptime(matched[1], "%Y-%m-%d %H:%M:%S")
    except ValueError as error:
        raise SourceError(
            f"{file}: line {number} is {line!r}, expected YYYY-MM-DD HH:MM:SS.NNNNNNNNN", "Correct it"
        ) from error
    return timegm(whole.timetuple()) * NS_PER_S + int((matched[2] or "").ljust(9, "0"))
