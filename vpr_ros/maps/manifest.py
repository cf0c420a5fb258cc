# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``manifest.yaml``: what a map is, where it came from, and the sizes and hashes of its files."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from vpr_ros.core.disk import write_text
from vpr_ros.core.errors import MapError
from vpr_ros.core.files import parse_yaml, read_text
from vpr_ros.core.frames import EXACT, CameraMount, GeoDatum, PositionSigma
from vpr_ros.core.pose import PositionM
from vpr_ros.maps.calibration import Calibration
from vpr_ros.maps.descriptor_file import DtypeName
from vpr_ros.maps.drive import Drive, drives_from_list
from vpr_ros.maps.format import FORMAT_VERSION, SEALED_SINCE, format_version, in_current_format
from vpr_ros.maps.geometry_calibration import GeometryCalibration
from vpr_ros.maps.grid_alignment import GridAlignment
from vpr_ros.maps.index_entry import IndexEntry
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.manifest_parts import (
    FileEntry,
    ModelEntry,
    SessionEntry,
    camera_from_dict,
    camera_to_dict,
    datum_from_dict,
)
from vpr_ros.maps.manifest_values import (
    LARGEST_FRAMES,
    LARGEST_POSITION_M,
    count,
    items,
    numbers,
    one_of,
    shown,
    table,
    text,
)
from vpr_ros.maps.map_files import check_name, map_errors, map_file, short
from vpr_ros.maps.promise import Promise
from vpr_ros.maps.restated import Restated
from vpr_ros.maps.seal import check_seal, resealed_yaml, sealed_yaml

MANIFEST_NAME = "manifest.yaml"
LARGEST_MANIFEST_BYTES = 1 << 20
MOST_MANIFEST_VALUES = 40_000
"""Of more than a thousand sessions, and as many drives as a map may have."""
_CORRECT = "Correct it, restore it from a backup, or build the map again"


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
        format_version: of the folder as it was read; all else is said as in the current format, see ``format``.
        thumbnails_sha256: of all of them, see ``thumbnails.thumbnails_sha256``; "" where there is none.
        local: of its local features; None: it has none.
        drives: those it was calibrated on since it was built, see ``calibrate``.
        restated: how its probabilities are stated since; None: as it was built.
        manifest_sha256: the seal that was read and holds, see ``seal``; "" where there is none.
        grid: where the map lies in an occupancy grid; None: nobody said.
        index: what finds its frames; None: every descriptor is asked.
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
    thumbnails_sha256: str = ""
    local: LocalEntry | None = None
    drives: tuple[Drive, ...] = ()
    restated: Restated | None = None
    manifest_sha256: str = ""
    grid: GridAlignment | None = None
    index: IndexEntry | None = None

    @property
    def keypoint_calibration(self) -> GeometryCalibration | None:
        """What the map has found out about keypoints; None without local features, and in a format before that."""
        return None if self.local is None else self.local.calibration

    @property
    def promise(self) -> Promise | None:
        """What it can promise, where it never found out what other maps can; None where keypoints say nothing."""
        if self.local is None or self.local.calibration is None:
            return None
        return replace(self.local.promise or Promise(), drives=self.drives)

    def stated_now(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(K,) what it stated when it was built, as its drives have taught it since."""
        return probabilities if self.restated is None else self.restated.of(probabilities)

    @property
    def position_sigma(self) -> PositionSigma:
        """Of the map's positions: the root of the mean variance of its frames; those of which nobody said are exact."""
        frames = sum(session.frames for session in self.sessions)
        of_each = [np.square(session.position_sigma or EXACT) * session.frames for session in self.sessions]
        return PositionSigma(*np.sqrt(np.sum(of_each, axis=0) / frames).tolist()) if frames else EXACT

    def to_yaml(self) -> str:
        """The text of the file, sealed."""
        return sealed_yaml(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML, without the seal."""
        return {
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
            "thumbnails_sha256": self.thumbnails_sha256,
            "local": None if self.local is None else self.local.to_dict(),
            "calibration": self.calibration.to_dict(),
            "drives": [drive.to_dict() for drive in self.drives],
            "promise": None if self.promise is None else self.promise.to_be_read(),
            "restated": None if self.restated is None else self.restated.to_dict(),
            "T_grid_map": None if self.grid is None else self.grid.to_dict(),
            "index": None if self.index is None else self.index.to_dict(),
        }


def read_manifest(folder: Path, *, sealed: bool = True) -> MapManifest:
    """Read the manifest of the map in *folder*; without *sealed*, also one that was changed.

    Raises:
        MapError: no folder, no manifest, not YAML, a newer format, a missing or wrong entry, or one that was changed
            after the manifest was sealed.
    """
    return _read(folder, sealed=sealed)[0]


def rewrite_manifest(folder: Path, *, sealed: bool, **changed: Any) -> MapManifest:
    """Write the manifest of the map in *folder* in the current format and seal it, in one step.

    Args:
        folder: the map's.
        sealed: see ``read_manifest``; False accepts the manifest as it now reads.
        changed: other values for some entries of its outermost table.

    Raises:
        MapError: see ``read_manifest``; it cannot be written, or could not be read again: then it stays as it was.
    """
    path = folder / MANIFEST_NAME
    _, content, before = _read(folder, sealed=sealed)
    words = resealed_yaml(before, content, {**in_current_format(path, content), **changed})
    _check_can_be_read(path, words)
    write_text(path, words, MapError)
    return read_manifest(folder)


def _check_can_be_read(path: Path, words: str) -> None:
    """Refuse to write what nobody could open: a map is never lost to a name or a number that somebody gave."""
    try:
        if len(words.encode()) > LARGEST_MANIFEST_BYTES:
            raise MapError(f"{path} would hold more than {LARGEST_MANIFEST_BYTES} bytes", _CORRECT)
        _from_plain(path, _plain_of(path, words))
    except MapError as error:
        raise MapError(
            f"what is to be written could not be read again ({error.problem}); the map is as it was",
            "Give a shorter name or smaller numbers; of a map with many drives take some out (calibrate --remove)",
        ) from error


def _read(folder: Path, *, sealed: bool) -> tuple[MapManifest, dict[str, Any], str]:
    """The manifest, and its content in the format and the words it has."""
    path = folder / MANIFEST_NAME
    with map_errors(folder):
        content, words = _read_plain(folder)
        manifest = _from_plain(path, content)  # before the seal: who made a slip in a change is told which
        if sealed:
            seal = check_seal(path, content, required=manifest.format_version >= SEALED_SINCE)
            manifest = replace(manifest, manifest_sha256=seal)
    return manifest, content, words


def _from_plain(path: Path, plain: dict[str, Any]) -> MapManifest:
    version, plain = format_version(path, plain), in_current_format(path, plain)
    try:
        return MapManifest(
            frame_id=_frame_id(plain),
            created_utc=text(plain, "created_utc"),
            software=text(plain, "software"),
            model=ModelEntry.from_dict(plain["model"]),
            frames=count(plain, "frames", 1, LARGEST_FRAMES),
            dtype=one_of(plain, "dtype", get_args(DtypeName)),
            sessions=tuple(SessionEntry.from_dict(session) for session in items(plain, "sessions")),
            cameras=tuple(camera_from_dict(camera) for camera in items(plain, "cameras")),
            datum=datum_from_dict(plain["datum"]),
            files=_files(table(plain, "files")),
            thumbnails=count(plain, "thumbnails"),
            calibration=Calibration.from_dict(plain["calibration"]),
            origin_m=_origin(plain),
            format_version=version,
            thumbnails_sha256=text(plain, "thumbnails_sha256"),
            local=None if plain["local"] is None else LocalEntry.from_dict(table(plain, "local")),
            drives=drives_from_list(items(plain, "drives")),
            restated=None if plain["restated"] is None else Restated.from_dict(table(plain, "restated")),
            grid=GridAlignment.from_dict(plain["T_grid_map"]),
            index=None if plain.get("index") is None else IndexEntry.from_dict(table(plain, "index")),
        )
    except MapError as error:
        raise MapError(f"{path}: {error.problem}", error.remedy) from error
    except KeyError as error:
        raise MapError(f"{path}: the entry {error} is missing", _CORRECT) from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MapError(f"{path}: an entry cannot be read ({short(error)})", _CORRECT) from error


def _files(plain: dict[str, Any]) -> dict[str, FileEntry]:
    for name in plain:
        check_name(name)
    return {name: FileEntry.from_dict(entry) for name, entry in plain.items()}


def _frame_id(plain: dict[str, Any]) -> str:
    name = text(plain, "frame_id")
    if not name.strip() or not name.isprintable():
        raise ValueError(f"frame_id is {name[:80]!r}, expected the name of a frame")
    return name


def _origin(plain: dict[str, Any]) -> PositionM | None:
    if plain["origin_m"] is None:
        return None
    x_m, y_m, z_m = numbers(plain, "origin_m", 3, LARGEST_POSITION_M)
    return x_m, y_m, z_m


def _read_plain(folder: Path) -> tuple[dict[str, Any], str]:
    """What the manifest says, unchecked, and its text."""
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        _check_replaced(folder)
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise MapError(f"map {folder} {what}", "Give the folder that `build_map --output` wrote")
    if not path.exists():
        raise MapError(
            f"{folder} holds no {MANIFEST_NAME}, so it is not a map", "Give the folder that `build_map --output` wrote"
        )
    words = read_text(map_file(folder, MANIFEST_NAME), MapError, LARGEST_MANIFEST_BYTES)
    return _plain_of(path, words), words


def _plain_of(path: Path, words: str) -> dict[str, Any]:
    try:
        plain = parse_yaml(words, str(path), MapError, MOST_MANIFEST_VALUES)
    except MapError as error:
        raise MapError(error.problem, _CORRECT) from error
    if not isinstance(plain, dict) or not all(isinstance(key, str) for key in plain):
        raise MapError(f"{path} holds {shown(plain)}, expected a table of named entries", _CORRECT)
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
