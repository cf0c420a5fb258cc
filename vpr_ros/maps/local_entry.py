# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a manifest says of a map's local features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.local_info import LARGEST_LOCAL_DIM, MOST_KEYPOINTS
from vpr_ros.maps.geometry_calibration import GeometryCalibration
from vpr_ros.maps.local_codec import PACKABLE_BITS, LocalLayout
from vpr_ros.maps.manifest_parts import FileEntry
from vpr_ros.maps.manifest_values import count, number, shown, table, text
from vpr_ros.maps.promise import Promise

T = TypeVar("T")

LARGEST_MISFIT_PX: Final = 1e6


@dataclass(frozen=True)
class LocalEntry:
    """The local features of a map; stored and checked apart from its descriptors.

    Attributes:
        name, version, sha256: of the model that found them.
        layout: how much is kept of each frame.
        features: how many all frames have together.
        with_depth: for how many of them the depth is known.
        epipolar_px: median distance of the map's own matches from the epipolar lines that its poses and intrinsics
            give, in pixels of the images; None where nothing could be matched so.
        reprojection_px: median distance of the points with depth from where the other frames see them.
        files: name within ``local/`` -> size and hashes.
        given_intrinsics: name of a camera -> its intrinsics before they were fitted to the map; the manifest's cameras
            have the fitted ones.
        calibration: how the probability of a match follows from them; None in a map built before they joined it.
        promise: which of its places they confuse, and from how many on; None where it was never asked.
    """

    name: str
    version: str
    sha256: str
    layout: LocalLayout
    features: int
    with_depth: int
    epipolar_px: float | None
    reprojection_px: float | None
    files: dict[str, FileEntry]
    given_intrinsics: dict[str, CameraIntrinsics] = field(default_factory=dict)
    calibration: GeometryCalibration | None = None
    promise: Promise | None = None

    @property
    def share_with_depth(self) -> float:
        """Of all features; 0 where there is none."""
        return self.with_depth / self.features if self.features else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        return {
            "model": {"name": self.name, "version": self.version, "sha256": self.sha256},
            "keypoints": self.layout.keypoints,
            "dim": self.layout.dim,
            "bits": self.layout.bits,
            "bytes_per_frame": self.layout.bytes_per_frame,
            "features": self.features,
            "with_depth": self.with_depth,
            "epipolar_px": self.epipolar_px,
            "reprojection_px": self.reprojection_px,
            "given_intrinsics": {name: camera.to_dict() for name, camera in self.given_intrinsics.items()},
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "promise": None if self.promise is None else self.promise.to_dict(),
            "files": {name: entry.to_dict() for name, entry in self.files.items()},
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> LocalEntry:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        model, files = table(plain, "model"), table(plain, "files")
        layout = LocalLayout(
            count(plain, "keypoints", 1, MOST_KEYPOINTS),
            count(plain, "dim", 1, LARGEST_LOCAL_DIM),
            count(plain, "bits", 1),
        )
        if layout.bits not in PACKABLE_BITS:
            raise ValueError(f"bits is {shown(layout.bits)}, expected one of {', '.join(map(str, PACKABLE_BITS))}")
        if count(plain, "bytes_per_frame") != layout.bytes_per_frame:
            raise ValueError(f"bytes_per_frame is {plain['bytes_per_frame']}, expected {layout.bytes_per_frame}")
        if missing := [name for name in layout.rows if name not in files]:
            raise ValueError(f"the files of local have no entry {' and no '.join(missing)}")
        features = count(plain, "features")
        return cls(
            name=text(model, "name"),
            version=text(model, "version"),
            sha256=text(model, "sha256"),
            layout=layout,
            features=features,
            with_depth=count(plain, "with_depth", 0, features),
            epipolar_px=_misfit(plain, "epipolar_px"),
            reprojection_px=_misfit(plain, "reprojection_px"),
            files={name: FileEntry.from_dict(files[name]) for name in layout.rows},
            given_intrinsics=_given(table(plain, "given_intrinsics")),
            calibration=_part(plain, "calibration", GeometryCalibration.from_dict),
            promise=_part(plain, "promise", Promise.from_dict),
        )


def _misfit(plain: Mapping[str, Any], key: str) -> float | None:
    return None if plain[key] is None else number(plain, key, 0.0, LARGEST_MISFIT_PX)


def _part(plain: Mapping[str, Any], key: str, read: Callable[[dict[str, Any]], T]) -> T | None:
    if plain[key] is None:
        return None
    try:
        return read(table(plain, key))
    except KeyError as error:
        raise ValueError(f"the {key} of local has no entry {error}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"the {key} of local: {error}") from error


def _given(plain: Mapping[str, Any]) -> dict[str, CameraIntrinsics]:
    try:
        return {name: CameraIntrinsics.from_dict(camera) for name, camera in plain.items()}
    except ConfigError as error:
        raise ValueError(f"given_intrinsics: {error.problem}") from error
