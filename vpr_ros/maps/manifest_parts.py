"""The entries of a manifest, each with its way to plain YAML and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import CameraMount
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.pose import Pose
from vpr_ros.core.preprocess import Preprocessing


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
            key: tuple(v) if isinstance(v, list) else v for key, v in plain["preprocessing"].items()
        }
        try:
            preprocessing = Preprocessing(**values)
        except ModelError as error:
            raise ValueError(error.problem) from error
        return cls(
            name=str(plain["name"]),
            version=str(plain["version"]),
            sha256=str(plain["sha256"]),
            preprocessing=preprocessing,
            descriptor_dim=int(plain["descriptor_dim"]),
            precision=str(plain["precision"]),
            cross_image=str(plain["cross_image"]),
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
        inputs_sha256: of source, model and options: tells a build that is done from one still to do.
        frame_id: of its poses as recorded, which the map's frame need not be called; "" in maps built before.
    """

    source: str
    created_utc: str
    frames: int
    cameras: tuple[str, ...]
    skipped: dict[str, int] = field(default_factory=dict)
    inputs_sha256: str = ""
    frame_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        return {**asdict(self), "cameras": list(self.cameras)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> SessionEntry:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(
            source=str(plain["source"]),
            created_utc=str(plain["created_utc"]),
            frames=int(plain["frames"]),
            cameras=tuple(str(name) for name in plain["cameras"]),
            skipped={str(reason): int(count) for reason, count in plain["skipped"].items()},
            inputs_sha256=str(plain.get("inputs_sha256", "")),
            frame_id=str(plain.get("frame_id", "")),
        )


@dataclass(frozen=True)
class FileEntry:
    """Size and hashes of one file.

    Attributes:
        size_bytes: its length.
        sha256: of every byte.
        fingerprint: of samples, see ``checksum.file_fingerprint``; checked whenever the map is opened.
    """

    size_bytes: int
    sha256: str
    fingerprint: str

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> FileEntry:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(int(plain["size_bytes"]), str(plain["sha256"]), str(plain["fingerprint"]))


def camera_to_dict(camera: CameraMount) -> dict[str, Any]:
    """Plain YAML."""
    mount = camera.T_base_camera
    pose = None if mount is None else {"position_m": list(mount.position_m), "quat_xyzw": list(mount.quat_xyzw or ())}
    return {"name": camera.name, "frame_id": camera.frame_id, "T_base_camera": pose}


def camera_from_dict(plain: Mapping[str, Any]) -> CameraMount:
    """Read what ``camera_to_dict`` wrote.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or wrong.
    """
    mount = plain["T_base_camera"]
    if mount is None:
        return CameraMount(str(plain["name"]), str(plain["frame_id"]), None)
    x, y, z = (float(v) for v in mount["position_m"])
    quat_xyzw = None
    if mount["quat_xyzw"]:
        qx, qy, qz, qw = (float(v) for v in mount["quat_xyzw"])
        quat_xyzw = (qx, qy, qz, qw)
    return CameraMount(str(plain["name"]), str(plain["frame_id"]), Pose((x, y, z), quat_xyzw))
