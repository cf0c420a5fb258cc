# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A robot's own drives as places, tuples and retrieval tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import CameraMount, FrameRecord, GeoDatum, ImageRgb
from vpr_ros.core.pose import Pose
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.training.datasets.drives import Drive, DrivePlaces, DriveRetrieval, DriveTuples
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.posed_images import label_places, posed_images, retrieval_set
from vpr_ros.training.tuple_positions import Placement, TupleRule, positives_and_non_negatives

WriteImage = Callable[..., Path]


class Recording:
    """Frames at given poses from one camera per name."""

    datum: GeoDatum | None = None
    is_drive: bool = True
    description = "recording"

    def __init__(
        self, poses: Mapping[str, list[Pose | None]], mounts: Mapping[str, Pose | None], frame: str = "map"
    ) -> None:
        self.map_frame_id = frame
        self.cameras = {name: CameraMount(name, T_base_camera=mount) for name, mount in mounts.items()}
        self._poses = poses

    def __len__(self) -> int:
        return sum(len(p) for p in self._poses.values())

    def __iter__(self) -> Iterator[FrameRecord]:
        for camera, poses in self._poses.items():
            for number, pose in enumerate(poses):
                yield FrameRecord(number, camera, f"{camera}{number}", pose, self._image)

    @staticmethod
    def _image() -> ImageRgb:
        return np.zeros((2, 2, 3), dtype=np.uint8)


# a camera that looks along the robot's x, and one that looks backwards (optical frame: z forward, x right)
FORWARD = Pose((0.0, 0.0, 1.0), (-0.5, 0.5, -0.5, 0.5))
BACKWARD = Pose((0.0, 0.0, 1.0), (0.5, 0.5, -0.5, -0.5))


def line(*x_m: float, yaw_deg: float = 0.0) -> list[Pose | None]:
    return [Pose.from_xy_yaw(x, 1.0, np.deg2rad(yaw_deg)) for x in x_m]


def test_places_are_cells_and_headings() -> None:
    poses = line(1, 2, 3, 11, 12) + line(1, 2, yaw_deg=90) + [Pose((1.0, 1.0, 9.0))]
    places = label_places(posed_images([Recording({"c": poses}, {"c": FORWARD})]), PlaceGrid(), 1)
    labels = places.place_ids.tolist()
    assert len(set(labels)) == 4
    assert labels[0] == labels[1] == labels[2] != labels[3] == labels[4]
    assert labels[5] == labels[6] not in labels[:5], "another heading is another place"
    assert labels[7] not in labels[:7], "so is another floor"


def test_different_places_of_a_group_do_not_touch() -> None:
    rng = np.random.default_rng(0)
    placement = Placement(rng.uniform(0, 60, (4000, 2)), rng.uniform(-np.pi, np.pi, 4000))
    places, groups = PlaceGrid(cell_m=10, sector_deg=60, separation=2).label(placement)
    assert len(set(groups.tolist())) == 8
    for group in range(8):
        inside = np.flatnonzero(groups == group)[:150]
        for i in inside:
            other = inside[places[inside] != places[i]]
            apart_m = np.abs(placement.position_m[other] - placement.position_m[i]).max(axis=1)
            heading = placement.heading_rad
            assert heading is not None
            turn = np.abs((heading[other] - heading[i] + np.pi) % (2 * np.pi) - np.pi)
            assert ((apart_m >= 10 - 1e-9) | (turn >= np.deg2rad(60) - 1e-9)).all()


def test_where_the_camera_looks_counts_not_where_the_robot_points() -> None:
    there = {"front": line(1, 2), "rear": line(1, 2, yaw_deg=180)}
    posed = posed_images([Recording(there, {"front": FORWARD, "rear": BACKWARD})])
    np.testing.assert_allclose(np.cos(posed.heading_rad), 1, atol=1e-9)
    assert len(set(label_places(posed, PlaceGrid(), 1).place_ids.tolist())) == 1


def test_cameras_without_a_mount_never_share_a_place() -> None:
    same = {"left": line(1, 2), "right": line(1, 2)}
    posed = posed_images([Recording(same, {"left": None, "right": None})])
    assert len(set(label_places(posed, PlaceGrid(), 1).place_ids.tolist())) == 2


def test_frames_without_pose_are_left_out_and_frames_of_two_maps_refused() -> None:
    recording = Recording({"c": [*line(1, 2), None]}, {"c": FORWARD})
    assert len(posed_images([recording]).images) == 2
    with pytest.raises(TrainingError, match="different frames: map, other"):
        posed_images([recording, Recording({"c": line(1)}, {"c": FORWARD}, "other")])
    with pytest.raises(TrainingError, match="no frame of the recordings has a pose"):
        posed_images([Recording({"c": [None]}, {"c": FORWARD})])
    with pytest.raises(TrainingError, match="2 images in 1 places, none has 4 images"):
        label_places(posed_images([recording]), PlaceGrid(), 4)


def test_retrieval_by_distance_and_angle() -> None:
    base = posed_images([Recording({"c": line(0, 5, 50)}, {"c": FORWARD})])
    asked = posed_images([Recording({"c": line(4) + line(4, yaw_deg=90) + line(99)}, {"c": FORWARD})])
    task = retrieval_set("hall", base, asked, PoseThreshold(4.5, np.deg2rad(30)))
    assert [p.tolist() for p in task.positives.indices] == [[0, 1], [], []]
    assert "queries without positive are misses" in task.protocol


@pytest.mark.parametrize(("sector", "separation"), [(50.0, 2), (0.0, 1), (120.0, 2)])
def test_sectors_must_fill_the_circle(sector: float, separation: int) -> None:
    with pytest.raises(TrainingError, match="does not divide 360"):
        PlaceGrid(sector_deg=sector, separation=separation)


@pytest.fixture
def folder(tmp_path: Path, write_image: WriteImage) -> Path:
    """Two image folders with CSV trajectories, as ``build_map`` reads them."""
    for drive, offset in (("first", 0.0), ("second", 0.5)):
        rows = ["file,x_m,y_m,yaw_rad"]
        for number in range(12):
            write_image(tmp_path / drive / f"{number:03d}.jpg", number)
            rows.append(f"{number:03d}.jpg,{5.0 * number + offset},1.0,0.0")
        (tmp_path / f"{drive}.csv").write_text("\n".join(rows))
    return tmp_path


def drive(folder: Path, name: str) -> Drive:
    return Drive(folder / name, poses=folder / f"{name}.csv")


def test_folders_with_trajectories_become_training_data(folder: Path) -> None:
    first, second = drive(folder, "first"), drive(folder, "second")
    places = DrivePlaces([first, second], PlaceGrid(cell_m=10), min_images_per_place=4).open()
    assert len(places.images) == 24
    assert np.unique(places.place_ids, return_counts=True)[1].tolist() == [4] * 6
    assert len(set(places.groups.tolist())) == 2
    assert places.images.load(23).shape == (24, 32, 3)

    tuples = DriveTuples(second, [first]).open()
    positives, _ = positives_and_non_negatives(
        tuples.query_placement, tuples.database_placement, TupleRule(positive_radius_m=2.0)
    )
    assert [p.tolist() for p in positives] == [[n] for n in range(12)]

    task = DriveRetrieval(first, second, radius_m=5.0).open()
    assert [p.tolist() for p in task.positives.indices][:3] == [[0, 1], [1, 2], [2, 3]]
