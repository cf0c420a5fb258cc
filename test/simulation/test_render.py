from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.simulation.camera import T_BASE_CAMERA, camera_mount
from vpr_ros.simulation.conditions import CONDITIONS, Conditions
from vpr_ros.simulation.drive import DrivePlan, plan_drive
from vpr_ros.simulation.labels import Label
from vpr_ros.simulation.render import Rendering, render
from vpr_ros.simulation.town import Town


@pytest.fixture(scope="module")
def bases(town: Town) -> list[Pose]:
    drive = plan_drive(town, DrivePlan(speed_mps=6.0, rate_hz=0.25, lateral_jitter_m=0.0, heading_jitter_rad=0.0))
    return [pose for _, pose in drive]


def pixel_rays(camera: CameraIntrinsics) -> npt.NDArray[np.float64]:
    """(H, W, 3) optical-frame rays of depth 1, computed apart from the renderer."""
    v, u = np.mgrid[: camera.height_px, : camera.width_px]
    return np.stack([(u - camera.cx_px) / camera.fx_px, (v - camera.cy_px) / camera.fy_px, np.ones(u.shape)], axis=-1)


def project(
    camera: CameraIntrinsics, T_map_camera: Pose, point_m: npt.NDArray[np.float64]
) -> tuple[float, float, float]:
    x, y, z = T_map_camera.inverse().rotation.apply(point_m) + np.array(T_map_camera.inverse().position_m)
    return camera.fx_px * x / z + camera.cx_px, camera.fy_px * y / z + camera.cy_px, float(z)


@pytest.mark.slow
def test_the_same_arguments_give_the_same_bits(town: Town, camera: CameraIntrinsics, bases: list[Pose]) -> None:
    pose = bases[0].compose(T_BASE_CAMERA)
    for name in ("day", "winter_night"):
        one = render(town, camera, pose, CONDITIONS[name], noise_seed=3)
        fresh = Town(town.seed, town.blocks_east, town.blocks_north)
        other = render(fresh, camera, pose, CONDITIONS[name], noise_seed=3)
        assert np.array_equal(one.image_rgb, other.image_rgb)
        assert np.array_equal(one.depth_m, other.depth_m)
        assert np.array_equal(one.label, other.label)
        assert not np.array_equal(one.image_rgb, render(town, camera, pose, CONDITIONS[name], noise_seed=4).image_rgb)


def test_ground_is_where_the_ray_meets_the_plane(
    town: Town, camera: CameraIntrinsics, empty_streets: Conditions, bases: list[Pose]
) -> None:
    tilt = Pose.from_rotation((0.0, 0.0, 1.1), Rotation.from_euler("ZYX", [0.2, 0.15, 0.05]))
    pose = bases[1].compose(tilt).compose(camera_mount(0.0, 0.0, 0.4))
    rendering = render(town, camera, pose, empty_streets)
    directions = pixel_rays(camera) @ pose.rotation.as_matrix().T
    ground = rendering.label == Label.GROUND
    expected_m = -pose.position_m[2] / directions[..., 2][ground]
    assert ground.mean() > 0.2
    assert rendering.depth_m.dtype == np.float32
    np.testing.assert_allclose(rendering.depth_m[ground], expected_m, rtol=1e-3)


@pytest.mark.slow
def test_sky_and_only_sky_is_infinitely_far(
    town: Town, camera: CameraIntrinsics, empty_streets: Conditions, bases: list[Pose]
) -> None:
    for base in bases[::6]:
        rendering = render(town, camera, base.compose(T_BASE_CAMERA), empty_streets)
        assert np.array_equal(np.isinf(rendering.depth_m), rendering.label == Label.SKY)
        assert (rendering.depth_m > 0).all()
        assert set(np.unique(rendering.label)) <= {int(label) for label in Label} - {int(Label.DYNAMIC)}


@pytest.mark.slow
def test_the_top_of_a_wall_is_where_geometry_says(
    town: Town, camera: CameraIntrinsics, empty_streets: Conditions
) -> None:
    seen = 0
    for house in [h for h in town.houses if h.roof == "flat"]:
        left, right = house.plan_xy[0], house.plan_xy[1]
        along = (right - left) / np.linalg.norm(right - left)
        middle, outward = 0.5 * (left + right), np.array([along[1], -along[0]])
        eye = middle + 6.0 * outward
        yaw = float(np.arctan2(-outward[1], -outward[0]))
        pose = Pose.from_xy_yaw(eye[0], eye[1], yaw).compose(camera_mount(0.0, 0.0, 1.4, pitch_down_rad=-0.8))
        u, v, depth_m = project(camera, pose, np.array([*middle, house.wall_m]))
        if not 4 < v < camera.height_px - 5:
            continue
        rendering = render(town, camera, pose, empty_streets)
        column, above, below = round(u), int(v) - 2, int(v) + 3
        if rendering.label[below, column] in (Label.VEGETATION, Label.OTHER):
            continue
        seen += 1
        assert rendering.label[below, column] == Label.STRUCTURE
        assert rendering.depth_m[below, column] == pytest.approx(depth_m, rel=0.06)
        assert rendering.depth_m[above, column] > depth_m + 1.0
    assert seen >= 3


def test_turning_left_moves_the_scenery_to_the_right(
    town: Town, camera: CameraIntrinsics, empty_streets: Conditions, bases: list[Pose]
) -> None:
    turned_rad = 0.06
    grey = []
    for base in (bases[2], bases[2].compose(Pose.from_xy_yaw(0, 0, turned_rad))):
        image = render(town, camera, base.compose(camera_mount(0.0)), empty_streets).image_rgb
        grey.append(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64))
    window = cv2.createHanningWindow((camera.width_px, camera.height_px), cv2.CV_64F)
    (shift_px, _), _ = cv2.phaseCorrelate(grey[0], grey[1], window)
    assert shift_px == pytest.approx(camera.fx_px * np.tan(turned_rad), abs=2.5)


def overlap(
    one: Rendering, T_map_one: Pose, other: Rendering, T_map_other: Pose, camera: CameraIntrinsics
) -> tuple[float, float]:
    """Share of one's points that the other sees at the same depth, and the correlation of their colours."""
    known = np.isfinite(one.depth_m) & (one.depth_m < 40.0)
    points = T_map_one.rotation.apply(pixel_rays(camera)[known] * one.depth_m[known][:, None]) + T_map_one.position_m
    back = T_map_other.inverse()
    x, y, z = (back.rotation.apply(points) + back.position_m).T
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = camera.fx_px * x / z + camera.cx_px, camera.fy_px * y / z + camera.cy_px
    inside = (z > 0.5) & (u >= 0) & (v >= 0) & (u <= camera.width_px - 1) & (v <= camera.height_px - 1)
    column, row = np.round(u[inside]).astype(int), np.round(v[inside]).astype(int)
    same = np.abs(other.depth_m[row, column] - z[inside]) < 0.03 * z[inside]
    mine = one.image_rgb[known].astype(np.float64).mean(axis=1)[inside][same]
    theirs = other.image_rgb[row, column].astype(np.float64).mean(axis=1)[same]
    return float(same.sum() / inside.sum()), float(np.corrcoef(mine, theirs)[0, 1])


@pytest.mark.slow
def test_two_drives_see_the_same_places(
    town: Town, camera: CameraIntrinsics, empty_streets: Conditions, bases: list[Pose]
) -> None:
    second = plan_drive(town, DrivePlan(rate_hz=4.0, lateral_offset_m=0.8, jitter_seed=9))
    for base in bases[::7]:
        nearest = min((pose for _, pose in second), key=lambda p: p.distance_m(base) + 5 * p.angle_rad(base))
        views = [p.compose(T_BASE_CAMERA) for p in (base, nearest)]
        pictures = [render(town, camera, view, empty_streets) for view in views]
        shared, correlation = overlap(pictures[0], views[0], pictures[1], views[1], camera)
        assert shared > 0.6
        assert correlation > 0.7


@pytest.mark.slow
def test_traffic_differs_from_drive_to_drive_and_is_labelled(
    town: Town, camera: CameraIntrinsics, bases: list[Pose]
) -> None:
    busy = CONDITIONS["rush_hour"].changed(noise_std=0.0)
    cars = []
    for seed in (1, 2):
        conditions = busy.changed(traffic_seed=seed)
        cars.append(
            [render(town, camera, b.compose(T_BASE_CAMERA), conditions).label == Label.DYNAMIC for b in bases[::5]]
        )
    assert np.mean(cars[0]) > 0.005
    assert not np.array_equal(cars[0], cars[1])
    moving = [
        render(town, camera, bases[0].compose(T_BASE_CAMERA), busy.changed(parked_share=0.0, moving_cars=400), time_s=t)
        for t in (0.0, 1.0)
    ]
    assert not np.array_equal(moving[0].label, moving[1].label)


@pytest.mark.slow
def test_conditions_look_like_what_they_are_called(town: Town, camera: CameraIntrinsics, bases: list[Pose]) -> None:
    quiet = {"parked_share": 0.0, "moving_cars": 0, "pedestrians": 0}
    seen = {
        name: [render(town, camera, b.compose(T_BASE_CAMERA), conditions.changed(**quiet)) for b in bases[::8]]
        for name, conditions in CONDITIONS.items()
    }
    brightness = {name: np.mean([r.image_rgb for r in seen[name]]) for name in seen}
    assert brightness["night"] < 0.8 * brightness["dusk"] < 0.8 * 0.8 * brightness["day"]

    def far_contrast(name: str) -> float:
        pixels = np.concatenate(
            [r.image_rgb[(r.label == Label.STRUCTURE) & (r.depth_m > 40)].mean(axis=1) for r in seen[name]]
        )
        return float(pixels.std())

    assert far_contrast("fog") < 0.5 * far_contrast("overcast")

    def ground(name: str) -> npt.NDArray[np.float64]:
        pixels = np.concatenate([r.image_rgb[r.label == Label.GROUND] for r in seen[name]])
        return np.asarray(pixels.mean(axis=0))

    assert ground("winter").mean() > 1.2 * ground("overcast").mean()
    for day, other in zip(seen["day"], seen["winter"], strict=True):  # the same houses in every season
        structure = day.label == Label.STRUCTURE
        assert (other.label[structure] == Label.STRUCTURE).mean() > 0.8


def test_wrong_poses_are_refused(town: Town, camera: CameraIntrinsics) -> None:
    for pose in (Pose((0, 0, -1.0)), Pose((0, 0, 1.0), None), Pose((float("nan"), 0, 1.0))):
        with pytest.raises(ConfigError, match="found"):
            render(town, camera, pose)


def test_wrong_cameras_and_conditions_are_refused() -> None:
    with pytest.raises(ConfigError, match="field of view"):
        CameraIntrinsics.from_fov(10, 10, 4.0)
    with pytest.raises(ConfigError, match="positive"):
        CameraIntrinsics(0, 10, 1.0, 1.0, 0.0, 0.0)
    with pytest.raises(ConfigError, match="overcast"):
        Conditions(overcast=2.0)
    with pytest.raises(ConfigError, match="unknown conditions: wether"):
        Conditions().changed(wether=1)
