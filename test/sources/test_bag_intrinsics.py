"""``CameraInfo`` beside the images of a bag, as drivers publish it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from some_bags import CAMERA, COUNT, Sent, compressed, images, odom, stamp_of, write

from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import CAMERA_INFO, camera_info
from vpr_ros.sources.recorded_source import RecordedSource

SEEN = CameraIntrinsics(6, 4, 5.0, 5.5, 2.5, 1.5, Lens.BROWN_CONRADY, (-0.2, 0.05, 0.001, -0.001, 0.0))
BESIDE = "/camera/camera_info"


def infos(
    intrinsics: CameraIntrinsics = SEEN,
    topic: str = BESIDE,
    count: int = COUNT,
    frame: str = "cam_optical",
    **other: Any,
) -> list[Sent]:
    """So many messages; *other* fields take the place of those that are right."""
    found = []
    for k in range(count):
        content = camera_info(intrinsics, stamp_of(k), frame)
        for name, value in other.items():
            setattr(content, name, value)
        found.append(Sent(topic, CAMERA_INFO, content, stamp_of(k)))
    return found


def opened(path: Path, *parts: list[Sent]) -> RecordedSource:
    return open_source(write(path / "drive", odom(), *parts))


def intrinsics_of(source: RecordedSource, camera: str = CAMERA) -> CameraIntrinsics | None:
    assert len(source) == COUNT
    return source.cameras[camera].intrinsics


@pytest.mark.parametrize("topic", [BESIDE, "/camera/image_raw/camera_info"])
@pytest.mark.parametrize(
    "seen",
    [
        SEEN,
        replace(SEEN, distortion=(-0.2, 0.05, 0.001, -0.001, 0.0, 0.1, 0.0, 0.2)),
        replace(SEEN, lens=Lens.KANNALA_BRANDT, distortion=(0.01, 0.02, 0.03, 0.04)),
    ],
)
def test_a_camera_is_known_by_the_message_beside_its_images(tmp_path: Path, topic: str, seen: CameraIntrinsics) -> None:
    source = opened(tmp_path, images(), infos(seen, topic))
    assert intrinsics_of(source) == seen
    assert source.warnings == ()


def test_compressed_images_have_the_message_of_the_raw_ones(tmp_path: Path) -> None:
    jpeg = cv2.imencode(".jpg", np.zeros((8, 12, 3), np.uint8))[1].tobytes()
    source = opened(tmp_path, compressed(f"{CAMERA}/compressed", jpeg, "rgb8; jpeg compressed bgr8"), infos())
    found = intrinsics_of(source)
    assert found == SEEN.scaled(12, 8)
    assert source.warnings == ("/camera/camera_info is for images of 6x4 px, these are of 12x8 px: it is scaled",)


def test_rectified_images_have_no_distortion(tmp_path: Path) -> None:
    P = np.array([4.0, 0.0, 2.0, 0.0, 0.0, 4.5, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    source = opened(tmp_path, images("/camera/image_rect_color"), infos(p=P))
    assert intrinsics_of(source, "/camera/image_rect_color") == CameraIntrinsics(6, 4, 4.0, 4.5, 2.0, 1.0)


def test_what_the_driver_cut_out_and_binned_is_what_is_seen(tmp_path: Path) -> None:
    sensor = CameraIntrinsics(20, 16, 10.0, 10.0, 9.5, 7.5)
    region = camera_info(sensor, 0, "").roi
    region.x_offset, region.y_offset, region.width, region.height = 4, 2, 12, 8
    source = opened(tmp_path, images(), infos(sensor, roi=region, binning_x=2, binning_y=2))
    # the centre: (9.5 - 4 + 0.5) / 2 - 0.5
    assert intrinsics_of(source) == CameraIntrinsics(6, 4, 5.0, 5.0, 2.5, 2.5)
    assert source.warnings == ()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([infos(k=np.zeros(9))], "is not used: the camera is not calibrated, its focal length is 0"),
        ([infos(d=np.zeros(3))], "is not used: found 3 coefficients of distortion"),
        ([infos(d=np.array([np.nan] * 5))], "is not used: found the distortion (nan"),
        ([infos(distortion_model="omni")], "is not used: found the distortion model 'omni'"),
        ([infos(width=0)], "is not used: found a camera of (0, 4) px"),
        ([infos(width=8)], "is for images of 8x4 px, these are of 6x4 px, which is another shape"),
        ([infos(frame="rear")], "is of frame 'rear', the images of /camera/image_raw are in 'cam_optical'"),
        ([infos(count=3), infos(replace(SEEN, fx_px=6.0))[3:]], "says different things"),
    ],
)
def test_what_contradicts_is_told_and_not_used(tmp_path: Path, parts: list[list[Sent]], sentence: str) -> None:
    source = opened(tmp_path, images(), *parts)
    assert intrinsics_of(source) is None
    [warning] = source.warnings
    assert warning.startswith(BESIDE) and sentence in warning


def test_a_calibration_makes_no_other_recording_of_the_same_images(tmp_path: Path) -> None:
    before, after = opened(tmp_path / "before", images()), opened(tmp_path / "after", images(), infos(k=np.zeros(9)))
    assert after.warnings and after.description == before.description


def test_a_driver_that_leaves_the_size_out_means_that_of_its_images(tmp_path: Path) -> None:
    assert intrinsics_of(opened(tmp_path, images(), infos(width=0, height=0))) == SEEN


def test_each_camera_has_its_own(tmp_path: Path) -> None:
    rear, left = replace(SEEN, fx_px=7.0), "/rear/image_raw"
    path = write(tmp_path / "drive", odom(), images(), images(left), infos(), infos(rear, "/rear/camera_info"))
    cameras = open_source(path, SourceOptions()).cameras
    assert [cameras[name].intrinsics for name in (CAMERA, left)] == [SEEN, rear]
    assert open_source(path, SourceOptions(image_topics=(left,))).cameras[left].intrinsics == rear
