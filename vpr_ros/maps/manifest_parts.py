# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The entries of a manifest, each with its way to plain YAML and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError, ModelError
from vpr_ros.core.frames import CameraMount, GeoDatum, PositionSigma
from vpr_ros.core.hashing import file_fingerprint, file_sha256
from vpr_ros.core.model_info import LARGEST_DIM, ModelInfo
from vpr_ros.core.mount import mount_problem
from vpr_ros.core.pose import Pose
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.maps.manifest_values import count, entry, items, number, numbers, table, text, texts

LARGEST_ALTITUDE_M = 1e5
LARGEST_SIGMA_M = 1e4
"""Of positions that say anything."""


@dataclass(frozen=True)
class ModelEntry:
    """The model that made the descriptors; the same model must ask the map its questions."""

    name: str
    version: str
    sha256: str
    preprocessing: Preprocessing
    descriptor_dim: int
    precision: str
    cross_image: str

    @classmethod
    def of(cls, info: ModelInfo, sha256: str) -> ModelEntry:
        """Describe a model."""
        return cls(
            info.name, info.version, sha256, info.preprocessing, info.descriptor_dim, info.precision, info.cross_image
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        plain = asdict(self)
        plain["preprocessing"] = {
            key: list(value) if isinstance(value, tuple) else value for key, value in plain["preprocessing"].items()
        }
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ModelEntry:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing, unknown or wrong.
        """
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in table(plain, "preprocessing").items()
        }
        try:
            preprocessing = Preprocessing(**values)
        except ModelError as error:
            raise ValueError(error.problem) from error
        return cls(
            name=text(plain, "name"),
            version=text(plain, "version"),
            sha256=text(plain, "sha256"),
            preprocessing=preprocessing,
            descriptor_dim=count(plain, "descriptor_dim", 1, LARGEST_DIM),
            precision=text(plain, "precision"),
            cross_image=text(plain, "cross_image"),
        )


@dataclass(frozen=True)
class SessionEntry:
    """One recording a map was made from.

    Attributes:
        source: one line about it.
        created_utc: when it was added, ISO 8601.
        frames: how many of its frames are in the map.
        cameras: names of its cameras.
        skipped: reason -> how many frames were left out for it.
        inputs_sha256: of source, model and options: tells a build that is done from one still to do; "" unknown.
        frame_id: of its poses as recorded, which the map's frame need not be called.
        position_sigma: of its positions; None: nobody said, and they are taken for exact.
    """

    source: str
    created_utc: str
    frames: int
    cameras: tuple[str, ...]
    skipped: dict[str, int]
    inputs_sha256: str
    frame_id: str
    position_sigma: PositionSigma | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        sigma = None if self.position_sigma is None else list(self.position_sigma)
        plain = {**asdict(self), "cameras": list(self.cameras), "position_sigma_m": sigma}
        del plain["position_sigma"]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> SessionEntry:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(
            source=text(plain, "source"),
            created_utc=text(plain, "created_utc"),
            frames=count(plain, "frames"),
            cameras=texts(plain, "cameras"),
            skipped={reason: count(plain["skipped"], reason) for reason in table(plain, "skipped")},
            inputs_sha256=text(plain, "inputs_sha256"),
            frame_id=text(plain, "frame_id"),
            position_sigma=_sigma(plain),
        )


def _sigma(plain: Mapping[str, Any]) -> PositionSigma | None:
    """None as well in a map up to format 4."""
    if plain.get("position_sigma_m") is None:
        return None
    horizontal_m, vertical_m = numbers(plain, "position_sigma_m", 2, LARGEST_SIGMA_M)
    if min(horizontal_m, vertical_m) < 0:
        raise ValueError("position_sigma_m holds a negative number, expected 0 or more")
    return PositionSigma(horizontal_m, vertical_m)


@dataclass(frozen=True)
class FileEntry:
    """Size and hashes of one file.

    Attributes:
        size_bytes: its length.
        sha256: of every byte.
        fingerprint: of samples, see ``hashing.file_fingerprint``; checked whenever the map is opened.
    """

    size_bytes: int
    sha256: str
    fingerprint: str

    @classmethod
    def of(cls, path: Path) -> FileEntry:
        """Read the file at *path*."""
        return cls(path.stat().st_size, file_sha256(path), file_fingerprint(path))

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> FileEntry:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(count(plain, "size_bytes"), text(plain, "sha256"), text(plain, "fingerprint"))


def camera_to_dict(camera: CameraMount) -> dict[str, Any]:
    """Plain YAML."""
    mount = camera.T_base_camera
    pose = None if mount is None else {"position_m": list(mount.position_m), "quat_xyzw": list(mount.quat_xyzw or ())}
    intrinsics = None if camera.intrinsics is None else camera.intrinsics.to_dict()
    return {"name": camera.name, "frame_id": camera.frame_id, "T_base_camera": pose, "intrinsics": intrinsics}


def camera_from_dict(plain: Mapping[str, Any]) -> CameraMount:
    """Read what ``camera_to_dict`` wrote.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or wrong.
    """
    name, frame_id = text(plain, "name"), text(plain, "frame_id")
    intrinsics = _intrinsics(plain)
    mount = entry(plain, "T_base_camera")
    if mount is None:
        return CameraMount(name, frame_id, None, intrinsics)
    x, y, z = numbers(mount, "position_m", 3)
    quat_xyzw = None
    if items(mount, "quat_xyzw"):
        qx, qy, qz, qw = numbers(mount, "quat_xyzw", 4)
        quat_xyzw = (qx, qy, qz, qw)
    T_base_camera = Pose((x, y, z), quat_xyzw)
    if problem := mount_problem(T_base_camera):
        raise ValueError(f"T_base_camera of camera {name[:80]!r} {problem}")
    return CameraMount(name, frame_id, T_base_camera, intrinsics)


def _intrinsics(plain: Mapping[str, Any]) -> CameraIntrinsics | None:
    """None of images that nobody calibrated."""
    if (intrinsics := entry(plain, "intrinsics")) is None:
        return None
    try:
        return CameraIntrinsics.from_dict(intrinsics)
    except ConfigError as error:
        raise ValueError(f"camera {text(plain, 'name')[:80]!r}: {error.problem}") from error


def datum_from_dict(plain: Mapping[str, Any] | None) -> GeoDatum | None:
    """Read the origin of a map whose poses came from GPS; None where they did not.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or wrong.
    """
    if plain is None:
        return None
    return GeoDatum(
        latitude_deg=number(plain, "latitude_deg", -90.0, 90.0),
        longitude_deg=number(plain, "longitude_deg", -360.0, 360.0),
        altitude_m=number(plain, "altitude_m", -LARGEST_ALTITUDE_M, LARGEST_ALTITUDE_M),
    )
