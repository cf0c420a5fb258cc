"""``manifest.yaml``: what a map is, where it came from, and the sizes and hashes of its files."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount, GeoDatum
from vpr_ros.core.pose import PositionM
from vpr_ros.maps.calibration import Calibration
from vpr_ros.maps.manifest_parts import FileEntry, ModelEntry, SessionEntry, camera_from_dict, camera_to_dict

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.yaml"


def replaced_path(folder: Path) -> Path:
    """Where the map *folder* lies while another takes its place and the two names cannot be exchanged at once."""
    return folder.parent / f".{folder.name}.old"


@dataclass(frozen=True)
class MapManifest:
    """Everything about a map except its frames and descriptors.

    Attributes:
        frame_id: the frame the poses are given in.
        created_utc: ISO 8601.
        software: what wrote it, e.g. "vpr_ros 0.1.0".
        model: the model that made the descriptors.
        frames: how many frames, N.
        dtype: of the descriptors, "float32" or "float16".
        sessions: the recordings it was made from.
        cameras: in the order ``frames.csv`` numbers them.
        datum: origin of the east-north-up frame when poses came from GPS.
        files: name within the folder -> size and hashes.
        thumbnails: how many small pictures lie in ``thumbnails/``.
        calibration: see ``Calibration``.
        origin_m: where the map's zero lies in the coordinates of its recordings; None: it has theirs.
        format_version: of the folder.
    """

    frame_id: str
    created_utc: str
    software: str
    model: ModelEntry
    frames: int
    dtype: str
    sessions: tuple[SessionEntry, ...]
    cameras: tuple[CameraMount, ...]
    datum: GeoDatum | None
    files: dict[str, FileEntry]
    thumbnails: int
    calibration: Calibration
    origin_m: PositionM | None = None
    format_version: int = FORMAT_VERSION

    def to_yaml(self) -> str:
        """The text of the file."""
        plain = {
            "format_version": self.format_version,
            "software": self.software,
            "created_utc": self.created_utc,
            "frame_id": self.frame_id,
            "frames": self.frames,
            "dtype": self.dtype,
            "model": self.model.to_dict(),
            "sessions": [session.to_dict() for session in self.sessions],
            "cameras": [camera_to_dict(camera) for camera in self.cameras],
            "datum": None if self.datum is None else vars(self.datum).copy(),
            "origin_m": None if self.origin_m is None else list(self.origin_m),
            "files": {name: entry.to_dict() for name, entry in self.files.items()},
            "thumbnails": self.thumbnails,
            "calibration": self.calibration.to_dict(),
        }
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def read_manifest(folder: Path) -> MapManifest:
    """Read the manifest of the map in *folder*.

    Raises:
        MapError: no folder, no manifest, not YAML, a newer format, or a missing or wrong entry.
    """
    path = folder / MANIFEST_NAME
    plain = _read_yaml(folder, path)
    version = plain.get("format_version")
    if not isinstance(version, int):
        raise MapError(f"{path}: format_version is {version!r}, expected a number", "Is this a vpr_ros map at all?")
    if version > FORMAT_VERSION:
        raise MapError(
            f"{path}: the map has format {version}, this software reads up to {FORMAT_VERSION}",
            "Update vpr_ros, or build the map again with this version",
        )
    try:
        datum = plain["datum"]
        return MapManifest(
            frame_id=str(plain["frame_id"]),
            created_utc=str(plain["created_utc"]),
            software=str(plain["software"]),
            model=ModelEntry.from_dict(plain["model"]),
            frames=int(plain["frames"]),
            dtype=str(plain["dtype"]),
            sessions=tuple(SessionEntry.from_dict(session) for session in plain["sessions"]),
            cameras=tuple(camera_from_dict(camera) for camera in plain["cameras"]),
            datum=None if datum is None else GeoDatum(**{key: float(value) for key, value in datum.items()}),
            files={str(name): FileEntry.from_dict(entry) for name, entry in plain["files"].items()},
            thumbnails=int(plain["thumbnails"]),
            calibration=Calibration.from_dict(plain["calibration"]),
            origin_m=_origin(plain.get("origin_m")),
            format_version=version,
        )
    except KeyError as error:
        raise MapError(f"{path}: the entry {error} is missing", _REMEDY) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise MapError(f"{path}: an entry cannot be read ({error})", _REMEDY) from error


def _origin(plain: Any) -> PositionM | None:
    if plain is None:
        return None
    x_m, y_m, z_m = (float(value) for value in plain)
    if not all(map(math.isfinite, (x_m, y_m, z_m))):
        raise ValueError(f"origin_m is {plain}, expected finite metres")
    return x_m, y_m, z_m


_REMEDY = "Restore it from a backup or build the map again"


def _read_yaml(folder: Path, path: Path) -> dict[str, Any]:
    if not folder.is_dir():
        _check_replaced(folder)
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise MapError(f"map {folder} {what}", "Give the folder that `build_map --output` wrote")
    if not path.is_file():
        raise MapError(
            f"{folder} holds no {MANIFEST_NAME}, so it is not a map", "Give the folder that `build_map --output` wrote"
        )
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MapError(f"{path} is not YAML ({' '.join(str(error).split())[:200]})", _REMEDY) from error
    if not isinstance(plain, dict):
        raise MapError(f"{path} holds {type(plain).__name__}, expected a table of entries", _REMEDY)
    return plain


def _check_replaced(folder: Path) -> None:
    """Name the map that a build was about to replace when it was killed."""
    replaced = replaced_path(folder)
    if not folder.exists() and (replaced / MANIFEST_NAME).is_file():
        raise MapError(
            f"map {folder} does not exist: a build was interrupted while it replaced it, and the old map is {replaced}",
            f"Put it back with `mv {shlex.quote(str(replaced))} {shlex.quote(str(folder))}`, "
            "or finish that build: the same command with --resume",
        )
