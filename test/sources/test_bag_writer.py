"""Bags we write, read back by rosbags and, independently, by mcap's own reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import CameraMount, Frame
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_messages import odometry
from vpr_ros.sources.bag_writer import BagLayout, StampedPose, Storage, write_bag

SECOND = 1_000_000_000


def frames(count: int = 3, camera: str = "front") -> Iterator[Frame]:
    for k in range(count):
        pixels = np.full((4, 6, 3), (10 * k, 100, 200), dtype=np.uint8)
        yield Frame(pixels, k * SECOND, camera, f"{k}", Pose.from_xy_yaw(k, 2.0 * k, 0.1 * k))


LAYOUT = BagLayout(
    mounts={
        "front": CameraMount(
            "front",
            "front_optical",
            Pose((0.1, 0.2, 0.3), (0.5, -0.5, 0.5, -0.5)),
            CameraIntrinsics(6, 4, 5.0, 5.0, 3.0, 2.0),
        )
    },
)


def test_mcaps_own_reader_sees_what_was_written(tmp_path: Path) -> None:
    assert write_bag(tmp_path / "drive", frames(), layout=LAYOUT) == 3
    with (tmp_path / "drive" / "drive.mcap").open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        found = [(c.topic, m.log_time, decoded) for _, c, m, decoded in reader.iter_decoded_messages()]
    images = [m for topic, _, m in found if topic == "/front/image_raw"]
    assert [(m.encoding, m.height, m.width, m.step, m.header.frame_id) for m in images] == [
        ("rgb8", 4, 6, 18, "front_optical")
    ] * 3
    assert [bytes(m.data[:3]) for m in images] == [bytes((10 * k, 100, 200)) for k in range(3)]
    poses = [m.pose.pose.position for topic, _, m in found if topic == "/odom"]
    assert [(p.x, p.y) for p in poses] == [(0, 0), (1, 2), (2, 4)]
    [info] = {tuple(m.k) for topic, _, m in found if topic == "/front/camera_info"}
    assert info == (5, 0, 3, 0, 5, 2, 0, 0, 1)
    [static] = [m.transforms[0] for topic, _, m in found if topic == "/tf_static"]
    assert (static.header.frame_id, static.child_frame_id) == ("base_link", "front_optical")
    assert (static.transform.translation.z, static.transform.rotation.w) == (0.3, -0.5)
    assert [when for topic, when, _ in found if topic == "/odom"] == [0, SECOND, 2 * SECOND]


def test_nothing_unknown_is_certain_and_nothing_certain_is_zero() -> None:
    exact = odometry(Pose((1.0, 2.0, 0.0)), 0, "map", "base_link")
    assert np.diag(exact.pose.covariance.reshape(6, 6)) == pytest.approx([1e-6] * 6)
    assert np.diag(exact.twist.covariance.reshape(6, 6)).min() >= 1e4  # the velocity of 0 is not measured
    position_only = odometry(Pose((1.0, 2.0, 0.0), None), 0, "map", "base_link")
    assert np.diag(position_only.pose.covariance.reshape(6, 6)) == pytest.approx([1e-6] * 3 + [np.pi**2] * 3)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_odometry_of_its_own_is_merged_by_time(tmp_path: Path, storage: Storage) -> None:
    odometry = (StampedPose(k * SECOND // 2, Pose.from_xy_yaw(k, 0, 0)) for k in range(5))
    layout = BagLayout(storage=storage, compressed=True, odometry_topic="/robot/odom")
    write_bag(tmp_path / "drive", frames(camera="/robot/eye"), odometry, layout)
    with AnyReader([tmp_path / "drive"]) as reader:
        order = [(connection.topic, stamp) for connection, stamp, _ in reader.messages()]
    assert [topic for topic, _ in order if topic.startswith("/robot/eye")] == ["/robot/eye/compressed"] * 3
    assert sum(topic == "/robot/odom" for topic, _ in order) == 5
    assert [stamp for _, stamp in order] == sorted(stamp for _, stamp in order)


def test_nothing_is_overwritten_and_nothing_is_left_half_done(tmp_path: Path) -> None:
    def fails() -> Iterator[Frame]:
        yield from frames(2)
        raise KeyError("camera unplugged")

    with pytest.raises(KeyError, match="unplugged"):
        write_bag(tmp_path / "drive", fails())
    assert list(tmp_path.iterdir()) == []
    write_bag(tmp_path / "drive", frames())
    with pytest.raises(SourceError, match="exists already"):
        write_bag(tmp_path / "drive", frames())
