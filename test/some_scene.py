# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A scene of points, cameras that look at it, and the local features they would find: real geometry, no images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.core.frames import CameraMount, FrameRecord, ImageRgb
from vpr_ros.core.local_features import LocalFeatures, MapFeatures
from vpr_ros.core.pose import Pose
from vpr_ros.localization.geometric_pose import PointMatches

Float = npt.NDArray[np.float64]

PINHOLE = CameraIntrinsics(640, 480, 525.0, 525.0, 319.5, 239.5)
FISHEYE = CameraIntrinsics(
    640, 480, 230.0, 230.0, 319.5, 239.5, Lens.KANNALA_BRANDT, (-0.02, 0.01, -0.006, 0.001)
)  # 75 degrees to each side
AHEAD = Rotation.from_euler("YXZ", [90.0, 0.0, -90.0], degrees=True)
"""Optical frame that looks along the map's x, with z up."""
HERE = Pose.from_rotation((0.3, -0.2, 1.1), Rotation.from_euler("z", 0.1) * AHEAD)


def cloud(count: int = 300, seed: int = 0, spread: float = 1.0) -> Float:
    """(N, 3) points three to eight metres ahead, in metres of the map; *spread* widens the view they fill."""
    rng = np.random.default_rng(seed)
    ahead_m = rng.uniform(3.0, 8.0, count)
    aside = rng.uniform(-0.5, 0.5, (count, 2)) * (1.1, 0.8)
    return np.column_stack([ahead_m, spread * aside * ahead_m[:, None] + (0.0, 1.1)])


def seen_px(points_m: Float, T_map_camera: Pose, intrinsics: CameraIntrinsics) -> Float:
    """(N, 2) where a camera sees the points, NaN outside its image."""
    T_camera_map = T_map_camera.inverse()
    points = T_camera_map.rotation.apply(points_m) + T_camera_map.position_m
    pixels = intrinsics.project(points)
    inside = np.logical_and(pixels >= 0, pixels < (intrinsics.width_px, intrinsics.height_px)).all(axis=1)
    return np.where(np.reshape(inside, (-1, 1)), pixels, np.nan)


def point_matches(
    points_m: Float,
    T_map_camera: Pose = HERE,
    intrinsics: CameraIntrinsics = PINHOLE,
    *,
    noise_px: float = 1.0,
    outliers: float = 0.0,
    seed: int = 1,
) -> PointMatches:
    """The points in view, each matched to its keypoint, the keypoints noisy; a share of them somewhere else."""
    rng = np.random.default_rng(seed)
    pixels = seen_px(points_m, T_map_camera, intrinsics)
    kept = np.flatnonzero(np.isfinite(pixels).all(axis=1))
    pixels = pixels[kept] + rng.normal(0.0, noise_px, (len(kept), 2))
    wrong = rng.permutation(len(kept))[: round(outliers * len(kept))]
    pixels[wrong] = rng.uniform((0, 0), (intrinsics.width_px, intrinsics.height_px), (len(wrong), 2))
    return PointMatches(np.arange(len(kept)), pixels, points_m[kept])


@dataclass(frozen=True, eq=False)
class Scene:
    """Points that every camera recognises by their descriptors."""

    points_m: Float
    descriptors: npt.NDArray[np.float32]

    @classmethod
    def of(cls, points_m: Float, seed: int = 0) -> Scene:
        """Descriptors of 32 numbers, far from each other."""
        rows = np.random.default_rng(seed).standard_normal((len(points_m), 32)).astype(np.float32)
        return cls(points_m, rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def features(
        self, T_map_camera: Pose, intrinsics: CameraIntrinsics = PINHOLE, noise_px: float = 0.5, seed: int = 2
    ) -> tuple[LocalFeatures, npt.NDArray[np.int64]]:
        """What a camera there finds, in an order of its own, and the numbers of the points."""
        rng = np.random.default_rng(seed)
        pixels = seen_px(self.points_m, T_map_camera, intrinsics)
        kept = rng.permutation(np.flatnonzero(np.isfinite(pixels).all(axis=1)))
        noisy = self.descriptors[kept] + 0.05 * rng.standard_normal((len(kept), 32)).astype(np.float32)
        return (
            LocalFeatures(
                (pixels[kept] + rng.normal(0.0, noise_px, (len(kept), 2))).astype(np.float32),
                (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32),
                np.linspace(1.0, 0.5, len(kept), dtype=np.float32),
            ),
            kept,
        )

    def mapped(
        self, T_map_camera: Pose, intrinsics: CameraIntrinsics = PINHOLE, *, with_depth: bool = True, seed: int = 3
    ) -> MapFeatures:
        """What the map keeps of a frame taken there."""
        found, kept = self.features(T_map_camera, intrinsics, seed=seed)
        position_m = self.points_m[kept] if with_depth else np.full((len(kept), 3), np.nan)
        size_px = intrinsics.width_px, intrinsics.height_px
        return MapFeatures(found.keypoints_px, found.descriptors, found.scores, position_m, size_px, intrinsics)


@dataclass(frozen=True, eq=False)
class SceneCamera:
    """A camera in a world of two scenes, *far_m* apart, whose pictures say where they were taken.

    A picture is drawn from one place, for the descriptor of the whole, and carries in its first row the pose by which
    ``SceneLocalFeatures`` finds keypoints: as a rule the same place, but a test may let them contradict each other.
    """

    scenes: tuple[Scene, Scene]
    intrinsics: CameraIntrinsics = PINHOLE

    def image(self, T_map_camera: Pose, seen_at: Pose | None = None) -> ImageRgb:
        """(480, 640, 3) with a blot for each point as seen from *T_map_camera*, and keypoints as from *seen_at*."""
        size = (self.intrinsics.height_px, self.intrinsics.width_px, 3)
        picture = np.zeros(size, np.uint8)
        for scene in self.scenes:
            for pixel, row in zip(
                seen_px(scene.points_m, T_map_camera, self.intrinsics), scene.descriptors, strict=True
            ):
                if np.isfinite(pixel).all():
                    colour = [int(value) for value in np.clip(128 + 400 * row[:3], 0, 255)]
                    cv2.circle(picture, (round(pixel[0]), round(pixel[1])), 24, colour, -1)
        pose = seen_at or T_map_camera
        numbers = np.array([*pose.position_m, *(pose.quat_xyzw or ())])
        picture[0].ravel()[: numbers.nbytes] = np.frombuffer(numbers.tobytes(), np.uint8)
        return picture


@dataclass(frozen=True, eq=False)
class SceneLocalFeatures:
    """Finds the keypoints of a ``SceneCamera``'s pictures."""

    camera: SceneCamera
    most: int = 1000
    is_mirrored: bool = False
    sha256: str = "5ce4e"

    def extract(self, image_rgb: ImageRgb) -> LocalFeatures:
        """See ``LocalExtractor``."""
        first_row = image_rgb[0]
        is_flipped = not first_row.ravel()[:56].any()  # the picture was mirrored, and ends with its pose
        first_row = first_row[::-1] if is_flipped else first_row
        numbers = np.frombuffer(first_row.ravel()[:56].tobytes(), np.float64).tolist()
        pose = Pose((numbers[0], numbers[1], numbers[2]), (numbers[3], numbers[4], numbers[5], numbers[6]))
        parts = [scene.features(pose, self.camera.intrinsics)[0] for scene in self.camera.scenes]
        keypoints = np.concatenate([part.keypoints_px for part in parts])[: self.most]
        if self.is_mirrored != is_flipped:
            keypoints = np.array([self.camera.intrinsics.width_px - 1, 0], np.float32) + keypoints * np.array(
                [-1, 1], np.float32
            )
        descriptors = np.concatenate([part.descriptors for part in parts])[: self.most]
        return LocalFeatures(keypoints, descriptors, np.ones(len(keypoints), np.float32))


@dataclass(frozen=True, eq=False)
class SceneFeatureMap:
    """What a map keeps of frames that a ``SceneCamera`` took at *poses*."""

    camera: SceneCamera
    poses: Sequence[Pose]
    with_depth: bool = True
    sha256: str = "5ce4e"

    def of(self, index: int) -> MapFeatures:
        """See ``LocalFeatureMap``."""
        parts = [
            scene.mapped(self.poses[index], self.camera.intrinsics, with_depth=self.with_depth)
            for scene in self.camera.scenes
        ]
        return MapFeatures(
            np.concatenate([part.keypoints_px for part in parts]),
            np.concatenate([part.descriptors for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.position_m for part in parts]),
            parts[0].size_px,
            parts[0].intrinsics,
        )


@dataclass(frozen=True, eq=False)
class SceneSource:
    """The pictures of a ``SceneCamera`` at *poses*, for ``build_map``; *mount* makes base poses of them."""

    camera: SceneCamera
    poses: Sequence[Pose]
    mount: Pose | None = None
    map_frame_id: str = "map"
    datum: None = None
    is_drive: bool = True
    description: str = "scene"

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """The one camera."""
        return {"camera": CameraMount("camera", "", self.mount, self.camera.intrinsics)}

    def __len__(self) -> int:
        return len(self.poses)

    def __iter__(self) -> Iterator[FrameRecord]:
        for number, pose in enumerate(self.poses):
            T_map_base = pose if self.mount is None else pose.compose(self.mount.inverse())
            load = partial(self.camera.image, pose)
            yield FrameRecord(number * 100_000_000, "camera", f"{number:04d}", T_map_base, load)
