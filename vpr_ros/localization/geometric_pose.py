# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The pose of a camera from keypoints whose places in the map are known, and how sure it is (docs/verification.md)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.pose import Pose
from vpr_ros.localization.stated_covariance import stated
from vpr_ros.localization.two_view import coverage

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Agreed = tuple[Float, Float, Float, Ints]
"""Rotation from camera to map, centre, (6, 6) covariance, inliers."""

REPROJECTION_GATE: Final = 12.0 / 640.0
"""How far from its keypoint a point of the map may project, as a share of the image's longer side, where the map has
not measured its own residuals; else ``RESIDUALS_IN_GATE`` times these, within the bounds below."""
RESIDUALS_IN_GATE: Final = 6.0
NARROWEST_GATE, WIDEST_GATE = 4.0 / 640.0, 24.0 / 640.0
FEWEST_INLIERS: Final = 12
"""Keypoints that must agree on a pose."""
SMALLEST_SHARE: Final = 1.0 / 3.0
"""Of the keypoints that must agree: a mirrored picture finds some that do, from behind the wall."""
FOCAL_DEVIATION: Final = 0.05
"""Of a focal length, as a share, before the image is seen: how freely it is fitted to see what depends on it."""
MOST_PRECISE: Final = 1e4
"""Distance to the points over deviation: beyond, numbers of a synthetic world say no more."""
LARGEST_CONDITION: Final = 1e10
"""Of the normal equations in metres and radians: beyond, the points leave a part of the pose open."""

MOST_POINTS: Final = 3
"""Of a keypoint, those of the best map frames: more of them cost time and bring no pose nearer to the truth."""

_SAMPLES_AT_ONCE, _MOST_SAMPLES, _MOST_SCORED, _CONFIDENCE = 16, 160, 400, 0.999
_REFINEMENTS, _SETTLED, _FOCAL_REFINEMENTS, _LARGEST_FOCAL_CONDITION = 10, 2e-4, 3, 1e15
_CAUCHY, _CAUCHY_EFFICIENCY = 2.385, 0.95
_RAYLEIGH_MEDIAN = 1.1774
_LEAST_NOISE = 0.25 / 640.0


@dataclass(frozen=True, eq=False)
class PointMatches:
    """N keypoints of one image and where they lie in the map.

    Attributes:
        keypoint: (N,) number of the keypoint; the same one may be matched to points of several map frames.
        pixels_px: (N, 2) in the image as the camera gives it.
        position_m: (N, 3) in the map frame.
    """

    keypoint: Ints
    pixels_px: Float
    position_m: Float

    def __len__(self) -> int:
        return len(self.keypoint)

    @property
    def keypoints_with_place(self) -> int:
        """How many keypoints have a match whose place is known."""
        return _different(self.keypoint[np.isfinite(self.position_m).all(axis=1)])

    def taken(self, rows: Ints | npt.NDArray[np.bool_]) -> PointMatches:
        """The matches *rows* names."""
        return PointMatches(self.keypoint[rows], self.pixels_px[rows], self.position_m[rows])


@dataclass(frozen=True, eq=False)
class GeometricPose:
    """Where a camera stands, by the reprojection of map points.

    Attributes:
        T_map_camera: pose of its optical frame.
        covariance: (6, 6) of x, y, z and of the rotation about the map's axes, m^2 and rad^2, as the reprojection
            alone predicts it: far too small, see ``stated_covariance``.
        inliers: how many keypoints agree.
        coverage: share of the image that they cover, 0..1.
        depth_m: median distance to their points along the optical axis.
        focal_shift: (6,) how far x, y, z and the rotation move where the focal length may be what fits best: far where
            it is not that of the camera, or the pose is wrong.
        other_shift: (6,) how far from here is the pose that the other matches agree on, where a third of all or more
            contradict this one: the map's frames do not fit together. 0 where there is none.
        widening: the map's own factor of the deviations, see ``GeometryCalibration.pose_widening``.
    """

    T_map_camera: Pose
    covariance: Float
    inliers: int
    coverage: float
    depth_m: float
    focal_shift: Float = field(default_factory=lambda: np.zeros(6))
    other_shift: Float = field(default_factory=lambda: np.zeros(6))
    widening: float = 1.0

    @property
    def deviation_m(self) -> float:
        """Predicted standard deviation of the position, all axes together: the best single sign of a wrong pose."""
        return float(np.sqrt(np.trace(self.covariance[:3, :3])))

    @property
    def precision(self) -> float:
        """How surely it is determined: log10 of the distance to its points over the predicted deviation, 0..4."""
        return float(np.log10(max(1.0, self.depth_m / max(self.deviation_m, self.depth_m / MOST_PRECISE))))

    @property
    def stated_covariance(self) -> Float:
        """(6, 6) as the errors of real answers ask for: scaled, never below the floors, and the shifts."""
        shifts = np.stack([self.focal_shift, self.other_shift])
        return stated(self.covariance, self.deviation_m / self.depth_m, shifts, self.widening)


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is to be explained: N points and where each is seen.

    Attributes:
        position_m: (N, 3) in the map frame.
        plane: (N, 2) x and y of the keypoints' rays at depth 1.
        px_of_plane: (N, 2, 2) how pixels move with them, which is where the lens comes in.
        from_centre_px: (N, 2) pixels of the keypoints from the principal point: how they move with the focal length.
        keypoint: (N,) see ``PointMatches``.
    """

    position_m: Float
    plane: Float
    px_of_plane: Float
    from_centre_px: Float
    keypoint: Ints

    def taken(self, rows: Ints) -> _Problem:
        return replace(self, **{name: value[rows] for name, value in vars(self).items()})

    def misfits_px(self, rotation: Float, centre_m: Float) -> tuple[Float, Float]:
        """(..., N, 2) pixels for (..., 3, 3) rotations from camera to map and (..., 3) centres; (..., N, 3) points."""
        points = (self.position_m - centre_m[..., None, :]) @ rotation
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            depth_m = np.where(points[..., 2] > 0, points[..., 2], np.nan)
            x, y = points[..., 0] / depth_m - self.plane[:, 0], points[..., 1] / depth_m - self.plane[:, 1]
            (xx, xy), (yx, yy) = self.px_of_plane.transpose(1, 2, 0)
            misfits = np.stack([xx * x + xy * y, yx * x + yy * y], axis=-1)
        return np.where(np.isfinite(misfits), misfits, np.inf), points


def geometric_pose(
    matches: PointMatches, intrinsics: CameraIntrinsics, map_residual_px: float | None = None, widening: float = 1.0
) -> GeometricPose | None:
    """Find the pose from which most of the *matches* are seen where they are, or None where none is sure.

    Sampling of three points with AP3P, the same every time, then robust least squares over all that agree. Keypoints
    are undistorted, gates are pixels of the distorted image. A keypoint that several map frames know counts once.

    Args:
        matches: may be wrong in large part; those of the best map frame first.
        intrinsics: of the image.
        map_residual_px: median misfit of the map's own points in its own frames where it has measured it, for images
            640 px long; None: unknown.
        widening: see ``GeometricPose``.
    """
    everything = _seen(matches, intrinsics)
    problem = _few_of_each(everything)
    longest_px = max(intrinsics.width_px, intrinsics.height_px)
    gate_px, least_noise_px = _gate(map_residual_px) * longest_px, _LEAST_NOISE * longest_px
    found = _agreed(problem, gate_px, least_noise_px)
    if found is None:
        return None
    rotation, centre_m, covariance, inliers = found
    first = np.unique(problem.keypoint[inliers], return_index=True)[1]
    seen_px = intrinsics.project(np.column_stack([problem.plane[inliers][first], np.ones(len(first))]))
    return GeometricPose(
        Pose.from_rotation(centre_m, Rotation.from_matrix(rotation)),
        covariance,
        len(first),
        coverage(seen_px, (intrinsics.width_px, intrinsics.height_px)),
        float(np.median(((problem.position_m[inliers][first] - centre_m) @ rotation)[:, 2])),
        _focal_shift(problem, rotation, centre_m, gate_px, least_noise_px),
        _other_shift(everything, rotation, centre_m, gate_px, least_noise_px),
        widening,
    )


def _agreed(problem: _Problem, gate_px: float, least_noise_px: float) -> _Agreed | None:
    """The pose that most keypoints agree on, see ``_refined``; None where too few do."""
    keypoints = _different(problem.keypoint)
    if keypoints < FEWEST_INLIERS:
        return None
    start = _sampled(problem, gate_px)
    found = None if start is None else _refined(problem, *start, gate_px, least_noise_px)
    if found is None or _different(problem.keypoint[found[3]]) < SMALLEST_SHARE * keypoints:
        return None
    return found


def _few_of_each(problem: _Problem) -> _Problem:
    """The first ``MOST_POINTS`` of each keypoint."""
    rows = np.argsort(problem.keypoint, kind="stable")
    _, first, which = np.unique(problem.keypoint[rows], return_index=True, return_inverse=True)
    return problem.taken(np.sort(rows[np.arange(len(rows)) - first[which] < MOST_POINTS]))


def _other_shift(problem: _Problem, rotation: Float, centre_m: Float, gate_px: float, least_noise_px: float) -> Float:
    """(6,) from a pose to the one that the matches agree on which contradict it, see ``GeometricPose``."""
    contradict = np.flatnonzero(np.linalg.norm(problem.misfits_px(rotation, centre_m)[0], axis=1) >= gate_px)
    if len(contradict) < SMALLEST_SHARE * len(problem.keypoint):
        return np.zeros(6)
    other = _agreed(_few_of_each(problem.taken(contradict)), gate_px, least_noise_px)
    return np.zeros(6) if other is None else _shift(rotation, centre_m, other[0], other[1])


def of_the_base(pose: GeometricPose, T_base_camera: Pose | None) -> tuple[Pose, Float]:
    """Pose of the base and its (6, 6) covariance, for a camera that sits at *T_base_camera*; None: at the base."""
    if T_base_camera is None:
        return pose.T_map_camera, pose.stated_covariance
    T_map_base = pose.T_map_camera.compose(T_base_camera.inverse())
    x, y, z = np.subtract(T_map_base.position_m, pose.T_map_camera.position_m)
    with_lever = np.eye(6)
    with_lever[:3, 3:] = [[0, z, -y], [-z, 0, x], [y, -x, 0]]
    return T_map_base, with_lever @ pose.stated_covariance @ with_lever.T


def _gate(map_residual_px: float | None) -> float:
    if map_residual_px is None:
        return REPROJECTION_GATE
    return float(np.clip(RESIDUALS_IN_GATE * map_residual_px / 640.0, NARROWEST_GATE, WIDEST_GATE))


def _seen(matches: PointMatches, intrinsics: CameraIntrinsics) -> _Problem:
    """The matches whose keypoint has a ray and whose place is known."""
    _, first, which = np.unique(matches.keypoint, return_index=True, return_inverse=True)
    rays, step = intrinsics.unproject(matches.pixels_px[first]), 1e-5
    shifts = np.array([[[0.0, 0.0, 0.0]], [[step, 0.0, 0.0]], [[0.0, step, 0.0]]])
    here, right, below = intrinsics.project((rays + shifts).reshape(-1, 3)).reshape(3, -1, 2)
    px_of_plane = np.stack([right - here, below - here], axis=-1) / step
    sharp = np.asarray(np.isfinite(px_of_plane).all(axis=(1, 2)))[which]
    rows = np.flatnonzero(sharp & np.isfinite(matches.position_m).all(axis=1))
    seen = which[rows]
    from_centre_px = matches.pixels_px[first][seen] - (intrinsics.cx_px, intrinsics.cy_px)
    return _Problem(matches.position_m[rows], rays[seen, :2], px_of_plane[seen], from_centre_px, matches.keypoint[rows])


def _sampled(problem: _Problem, gate_px: float) -> tuple[Float, Float] | None:
    """Rotation and centre of the pose of three points that most others agree with."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(problem.plane))[:_MOST_SCORED]
    judges = problem.taken(rows)
    best, lowest, sampled, needed = None, np.inf, 0, _MOST_SAMPLES
    while sampled < min(needed, _MOST_SAMPLES):
        rotations, centres_m = _hypotheses(problem, rng)
        sampled += _SAMPLES_AT_ONCE
        if not len(rotations):
            continue
        misfits, _ = judges.misfits_px(rotations, centres_m)
        squares = np.minimum((misfits**2).sum(axis=-1), gate_px**2)
        costs = squares.sum(axis=1)
        if costs.min() < lowest:
            number = int(costs.argmin())
            lowest, best = float(costs[number]), (rotations[number], centres_m[number])
            share = float(np.mean(squares[number] < gate_px**2))
            needed = _samples_needed(share)
    return best


def _samples_needed(share: float) -> int:
    """How many samples of three hold one without outliers, where *share* of the matches are right."""
    missed = np.log1p(-(min(max(share, 1e-3), 1 - 1e-9) ** 3))
    return int(np.ceil(np.log(1 - _CONFIDENCE) / missed))


def _hypotheses(problem: _Problem, rng: np.random.Generator) -> tuple[Float, Float]:
    """(H, 3, 3) rotations from camera to map and (H, 3) centres by the next samples of three matches."""
    turns, shifts_m = [], []
    samples = rng.integers(0, len(problem.plane), (_SAMPLES_AT_ONCE, 3))
    one, two, three = problem.keypoint[samples].T
    samples = samples[(one != two) & (one != three) & (two != three)]
    pinhole = np.eye(3)
    for points, plane in zip(problem.position_m[samples, None], problem.plane[samples, None], strict=True):
        try:
            _, found_turns, found_shifts_m = cv2.solveP3P(points, plane, pinhole, None, flags=cv2.SOLVEPNP_AP3P)
        except cv2.error:  # of points that determine nothing
            continue
        turns += [turn.ravel() for turn in found_turns]
        shifts_m += [shift.ravel() for shift in found_shifts_m]
    both = np.array(turns).reshape(-1, 3), np.array(shifts_m).reshape(-1, 3)
    finite = np.isfinite(np.hstack(both)).all(axis=1)
    if not finite.any():
        return np.empty((0, 3, 3)), np.empty((0, 3))
    into_map = Rotation.from_rotvec(both[0][finite]).inv()
    return into_map.as_matrix(), -into_map.apply(both[1][finite])


def _refined(
    problem: _Problem, rotation: Float, centre_m: Float, gate_px: float, least_noise_px: float
) -> _Agreed | None:
    """Rotation, centre, covariance and inliers of the best pose near the given one; None where it is not determined.

    Gauss-Newton with the weights of a Cauchy loss. The noise is that of the inliers' median.
    """
    for _ in range(_REFINEMENTS):
        misfits, points = problem.misfits_px(rotation, centre_m)
        lengths_px = np.linalg.norm(misfits, axis=1)
        inliers = np.flatnonzero(lengths_px < gate_px)
        keypoints, once = _once_each(problem.keypoint[inliers])
        if keypoints < FEWEST_INLIERS:
            return None
        noise_px = max(float(np.median(lengths_px[inliers])) / _RAYLEIGH_MEDIAN, least_noise_px)
        slopes = _slopes(problem.px_of_plane[inliers], points[inliers], rotation).reshape(6, -1)
        normal = (slopes * np.repeat(once, 2)) @ slopes.T
        if not np.isfinite(normal).all() or np.linalg.cond(normal) > LARGEST_CONDITION:
            return None
        robust = slopes * np.repeat(once / (1.0 + (lengths_px[inliers] / (_CAUCHY * noise_px)) ** 2), 2)
        step = -np.linalg.solve(robust @ slopes.T, robust @ misfits[inliers].ravel())
        centre_m = centre_m + step[:3]
        rotation = Rotation.from_rotvec(step[3:]).as_matrix() @ rotation
        if np.abs(step).max() < _SETTLED:
            break
    covariance = np.linalg.inv(normal) * noise_px**2 / _CAUCHY_EFFICIENCY
    return rotation, centre_m, (covariance + covariance.T) / 2, inliers


def _focal_shift(problem: _Problem, rotation: Float, centre_m: Float, gate_px: float, least_noise_px: float) -> Float:
    """(6,) how far the pose moves when the focal length is fitted with it, see ``GeometricPose``."""
    turned, moved_m, longer = rotation, centre_m, 0.0
    for _ in range(_FOCAL_REFINEMENTS):
        misfits, points = problem.misfits_px(turned, moved_m)
        seen_from_centre_px = problem.from_centre_px + misfits  # of the points, not of the keypoints with their noise
        misfits = (1.0 + longer) * misfits + longer * problem.from_centre_px
        lengths_px = np.linalg.norm(misfits, axis=1)
        inliers = np.flatnonzero(lengths_px < gate_px)
        keypoints, once = _once_each(problem.keypoint[inliers])
        if keypoints < FEWEST_INLIERS:
            break
        noise_px = max(float(np.median(lengths_px[inliers])) / _RAYLEIGH_MEDIAN, least_noise_px)
        weights = np.repeat(once / (1.0 + (lengths_px[inliers] / (_CAUCHY * noise_px)) ** 2), 2)
        of_pose = (1.0 + longer) * _slopes(problem.px_of_plane[inliers], points[inliers], turned)
        slopes = np.concatenate([of_pose, seen_from_centre_px[None, inliers]]).reshape(7, -1)
        known = np.diag([0.0] * 6 + [(noise_px / FOCAL_DEVIATION) ** 2])
        normal = (slopes * weights) @ slopes.T + known
        if not np.isfinite(normal).all() or np.linalg.cond(normal) > _LARGEST_FOCAL_CONDITION:
            break
        step = -np.linalg.solve(normal, (slopes * weights) @ misfits[inliers].ravel() + known[:, 6] * longer)
        moved_m, longer = moved_m + step[:3], longer + step[6]
        turned = Rotation.from_rotvec(step[3:6]).as_matrix() @ turned
    return _shift(rotation, centre_m, turned, moved_m)


def _shift(rotation: Float, centre_m: Float, turned: Float, moved_m: Float) -> Float:
    """(6,) of the centre, and the turn about the map's axes."""
    return np.concatenate([moved_m - centre_m, Rotation.from_matrix(turned @ rotation.T).as_rotvec()])


def _slopes(px_of_plane: Float, points: Float, rotation: Float) -> Float:
    """(6, N, 2) how pixels move with the centre and with a turn of the camera, both along the map's axes.

    Args:
        px_of_plane: (N, 2, 2), see ``_Problem``.
        points: (N, 3) in the camera's frame.
        rotation: from camera to map.
    """
    x, y, z = (coordinate[:, None] for coordinate in points.T)
    across, down = px_of_plane[:, :, 0] / z, px_of_plane[:, :, 1] / z
    px_of_point = np.stack([across, down, -(across * x + down * y) / z])
    gx, gy, gz = np.tensordot(rotation, px_of_point, 1)
    px, py, pz = (coordinate[:, None] for coordinate in rotation @ points.T)
    return np.stack([-gx, -gy, -gz, gy * pz - gz * py, gz * px - gx * pz, gx * py - gy * px])


def _once_each(keypoint: Ints) -> tuple[int, Float]:
    """How many keypoints, and (N,) weights so that the matches of each weigh 1 together: its noise is in all."""
    counts = np.bincount(keypoint, minlength=1)
    return int(np.count_nonzero(counts)), np.asarray(1.0 / counts[keypoint])


def _different(keypoint: Ints) -> int:
    return len(np.unique(keypoint))
