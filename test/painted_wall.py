# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A painted wall seen from a track beside it: a whole world of small pictures, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.core.local_features import LocalFeatures
from vpr_ros.core.local_info import LocalInfo
from vpr_ros.core.model_info import ModelInfo
from vpr_ros.core.pose import Pose
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.maps import PlaceMap

WIDTH_PX, HEIGHT_PX = 128, 48
PX_PER_M = 16
SPACING_M = 0.5
LENGTH_M = 60
YAW_RAD = np.pi / 2
EVERY_FRAME = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1)


def paint(seed: int = 0) -> ImageRgb:
    """A wall of blots two metres wide: no two places of one wall are alike, nor two walls."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, LENGTH_M // 2, 3), dtype=np.uint8)
    wall = cv2.resize(coarse, (LENGTH_M * PX_PER_M, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return wall.astype(np.uint8, copy=False)


def view(wall: ImageRgb, along_m: float) -> ImageRgb:
    """What a camera *along_m* down the track sees: (48, 128, 3) uint8, eight metres of the wall."""
    left = round(along_m * PX_PER_M)
    return wall[:, left : left + WIDTH_PX].copy()


class PixelExtractor:
    """A real, tiny extractor: the image's own pixels, projected to D numbers by a matrix of *seed*."""

    provider = "numpy"

    def __init__(self, seed: int = 0, dim: int = 96) -> None:
        self.info = ModelInfo("pixels", str(seed), Preprocessing(12, 16, "area"), dim, {"name": "linear"})
        self.sha256 = hashlib.sha256(f"{seed} {dim}".encode()).hexdigest()
        self._matrix = np.random.default_rng(seed).standard_normal((3 * 12 * 16, dim)).astype(np.float32)

    def prepare(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        """As every extractor does."""
        return self.info.preprocessing.batch(images_rgb)

    def infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(B, 3, 12, 16) -> (B, D)."""
        flat = batch.reshape(len(batch), -1)
        centred = flat - flat.mean(axis=1, keepdims=True)
        # Row by row: on some processors BLAS rounds a row otherwise with another number of rows beside it.
        descriptor = np.stack([row @ self._matrix for row in centred])
        return np.asarray(descriptor / np.linalg.norm(descriptor, axis=1, keepdims=True), dtype=np.float32)

    def describe(self, image_rgb: ImageRgb) -> npt.NDArray[np.float32]:
        """(1, D) of one image."""
        return self.infer(self.prepare([image_rgb]))


class GridFeatures:
    """A real, tiny finder of local features: the pixels around the points of a grid."""

    def __init__(self) -> None:
        self.info = LocalInfo("grid", "1", Preprocessing(HEIGHT_PX, WIDTH_PX), 15, 48)
        self.sha256 = hashlib.sha256(b"grid").hexdigest()

    def extract(self, image_rgb: ImageRgb) -> LocalFeatures:
        """15 of them, the most varied first."""
        points = [(x, y) for x in range(8, WIDTH_PX - 8, 24) for y in range(8, HEIGHT_PX - 8, 12)]
        patches = np.array([image_rgb[y - 2 : y + 2, x - 2 : x + 2].ravel() for x, y in points], dtype=np.float32)
        patches -= patches.mean(axis=1, keepdims=True) - 0.5
        length = np.linalg.norm(patches, axis=1)
        order = np.argsort(-length, kind="stable")
        return LocalFeatures(
            np.array(points, dtype=np.float32)[order], (patches / length[:, None])[order], length[order]
        )


@dataclass
class WallSource:
    """Frames along the wall of *seed*, one each at *along_m*.

    Attributes:
        seed: of the wall.
        along_m: where the frames were taken.
        yaw_rad: heading of every frame, None for unknown headings.
        jitter_m: sigma of the error of the poses, along and across.
        fails_at: number of the record whose image raises *failure*.
        failure: what it raises.
    """

    along_m: Sequence[float] = field(default_factory=lambda: [SPACING_M * i for i in range(80)])
    seed: int = 0
    yaw_rad: float | None = YAW_RAD
    camera: CameraMount = field(default_factory=lambda: CameraMount("camera"))
    map_frame_id: str = "map"
    datum: GeoDatum | None = None
    is_drive: bool = True
    jitter_m: float = 0.0
    fails_at: int | None = None
    failure: BaseException = field(default_factory=lambda: FrameDecodeError("a picture is torn", "Scan it again"))
    description: str = "wall"

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """The one camera."""
        return {self.camera.name: self.camera}

    def __len__(self) -> int:
        return len(self.along_m)

    def __iter__(self) -> Iterator[FrameRecord]:
        wall = paint(self.seed)
        rng = np.random.default_rng(self.seed)
        for number, along_m in enumerate(self.along_m):
            x_m, y_m = (along_m, 0.0) + self.jitter_m * rng.standard_normal(2)
            pose = Pose((float(x_m), float(y_m), 0.0), None)
            if self.yaw_rad is not None:
                pose = Pose.from_xy_yaw(*pose.position_m[:2], self.yaw_rad)

            def load(number: int = number, along_m: float = along_m) -> ImageRgb:
                if number == self.fails_at:
                    raise self.failure
                return view(wall, along_m)

            yield FrameRecord(number * 100_000_000, self.camera.name, f"{number:04d}", pose, load)


def build_wall_map(output: Path, source: WallSource | None = None, config: BuildConfig = EVERY_FRAME) -> PlaceMap:
    """Build a map of *source* and open it."""
    build_map(source or WallSource(), PixelExtractor(), output, config)
    return PlaceMap.open(output)
