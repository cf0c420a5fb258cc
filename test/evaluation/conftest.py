# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A street that exists as one long picture, a robot that looks at it, and a real map of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from optional_parts import imports_of_optional_parts

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.core.model_info import DescriptorArray, ModelInfo
from vpr_ros.core.pose import Pose
from vpr_ros.core.preprocess import Preprocessing

with imports_of_optional_parts():
    from vpr_ros.mapping import BuildConfig, build_map
    from vpr_ros.maps import PlaceMap

PIXELS_PER_M = 16
STREET_M = 60
FAR_M = 500_000.0


class PixelExtractor:
    """Describes an image by its 16x16 pixels: simple, deterministic, and a real descriptor."""

    info = ModelInfo("pixels", "1", Preprocessing(16, 16, resize="area"), 3 * 256, {"name": "none"})
    sha256 = "0" * 64
    provider = "numpy"

    def prepare(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        return self.info.preprocessing.batch(images_rgb)

    def infer(self, batch: npt.NDArray[np.float32]) -> DescriptorArray:
        flat = batch.reshape(len(batch), -1)
        flat = flat - flat.mean(axis=1, keepdims=True)
        return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class StreetDrive:
    """A drive along a street: one frame per entry of *along_m*; a NaN there is an image that does not decode.

    Attributes:
        along_m: where the frames are taken.
        offset_m: added to the true x: places beyond the map.
        street_seed: which street is seen.
        noise: of the images, in grey levels.
        with_poses: whether the frames know where they are.
    """

    along_m: Sequence[float]
    offset_m: float = 0.0
    street_seed: int = 0
    noise: float = 0.0
    with_poses: bool = True
    map_frame_id: str = "map"
    datum: GeoDatum | None = None
    is_drive: bool = True
    description: str = "street"

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        return {"camera": CameraMount("camera")}

    def __len__(self) -> int:
        return len(self.along_m)

    def __iter__(self) -> Iterator[FrameRecord]:
        street = _street(self.street_seed)
        for number, along_m in enumerate(self.along_m):
            pose = Pose((along_m + self.offset_m, 0.0, 0.0)) if self.with_poses else None
            load = partial(self._look, street, along_m, number)
            yield FrameRecord(number * 10**8, "camera", f"{self.street_seed}/{number:03d}.png", pose, load)

    def _look(self, street: ImageRgb, along_m: float, number: int) -> ImageRgb:
        if self.noise < 0:
            raise FrameDecodeError("this image does not decode", "Record it again")
        left = round(along_m * PIXELS_PER_M)
        noise = np.random.default_rng(number).normal(0, self.noise, (96, 128, 3))
        return np.clip(street[:, left : left + 128] + noise, 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Joined:
    """Several drives, one after the other."""

    drives: Sequence[StreetDrive]
    map_frame_id: str = "map"
    datum: GeoDatum | None = None
    is_drive: bool = True
    description: str = "streets"

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        return self.drives[0].cameras

    def __len__(self) -> int:
        return sum(map(len, self.drives))

    def __iter__(self) -> Iterator[FrameRecord]:
        for drive in self.drives:
            yield from drive


def _street(seed: int) -> ImageRgb:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, STREET_M, 3), dtype=np.uint8)
    size = ((STREET_M + 10) * PIXELS_PER_M, 96)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


@pytest.fixture(scope="session")
def extractor() -> PixelExtractor:
    return PixelExtractor()


@pytest.fixture(scope="session")
def street_map(tmp_path_factory: pytest.TempPathFactory, extractor: PixelExtractor) -> PlaceMap:
    """A map of the street, a frame every metre from 0 to 49 m."""
    path: Path = tmp_path_factory.mktemp("street") / "map"
    build_map(StreetDrive(tuple(range(50))), extractor, path, BuildConfig(min_distance_m=0.0, min_angle_rad=0.0))
    return PlaceMap.open(path)


@pytest.fixture
def second_drive() -> Joined:
    """30 noisy queries between the map's frames, and 10 in a street the map has never seen, 500 m away."""
    seen = StreetDrive(tuple(np.arange(30) * 1.5 + 0.3), noise=12.0)
    return Joined((seen, StreetDrive(tuple(range(0, 40, 4)), offset_m=500.0, street_seed=9, noise=12.0)))


@pytest.fixture
def third_drive() -> Joined:
    """The same another time: other places of the street, other noise, another unknown street."""
    seen = StreetDrive(tuple(np.arange(30) * 1.4 + 0.7), noise=16.0)
    return Joined((seen, StreetDrive(tuple(range(1, 41, 4)), offset_m=500.0, street_seed=4, noise=16.0)))


@pytest.fixture
def another_street() -> StreetDrive:
    """Images of another street that say to be of this one."""
    return StreetDrive((3.0, 8.0, 15.0, 22.0, 31.0, 40.0), street_seed=7)


@pytest.fixture
def far_map(tmp_path: Path, extractor: PixelExtractor) -> PlaceMap:
    """The street's map, recorded 500 km from where its coordinates begin, with a zero of its own."""
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, local_origin=True)
    build_map(StreetDrive(tuple(range(50)), offset_m=FAR_M), extractor, tmp_path / "far_map", config)
    return PlaceMap.open(tmp_path / "far_map")


@pytest.fixture
def far_second_drive(second_drive: Joined) -> Joined:
    """The second drive, as far away."""
    return Joined([replace(drive, offset_m=drive.offset_m + FAR_M) for drive in second_drive.drives])


@pytest.fixture
def own_drive() -> StreetDrive:
    """The map's own first 20 images."""
    return StreetDrive(tuple(range(20)))


@pytest.fixture
def drive_elsewhere() -> StreetDrive:
    """Poses in other coordinates."""
    return StreetDrive((1.0, 2.0), offset_m=5e5, noise=12.0)


@pytest.fixture
def broken_images() -> StreetDrive:
    """Three frames of the street that do not decode."""
    return StreetDrive((1.0, 2.0, 3.0), noise=-1.0)


@pytest.fixture
def half_broken_drive(broken_images: StreetDrive) -> Joined:
    """Three frames that do not decode, then two that do."""
    return Joined((broken_images, StreetDrive((4.0, 5.0))))


@pytest.fixture
def poseless_drive() -> StreetDrive:
    """Frames 0 to 19 of the street again, nobody knows where."""
    return StreetDrive(tuple(range(20)), noise=8.0, with_poses=False)
