# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import json
from pathlib import Path

import cv2
import jsonargparse
import numpy as np
import pytest
from colour_networks import write_network

from vpr_ros.core.errors import TrainingError
from vpr_ros.simulation.record import record_folder
from vpr_ros.training.datasets.drives import Drive, DriveTuples
from vpr_ros.training.datasets.towns import TownDrives, TownPlaces
from vpr_ros.training.labels.grouping import read_grouping
from vpr_ros.training.labels.labelled_images import LabelledImages
from vpr_ros.training.labels.own_labels import OwnLabels
from vpr_ros.training.labels.segmenter_labels import SegmenterLabels
from vpr_ros.training.labels.sources import FromImages, FromOnnx, FromPngs, LabelSource

SHORT = TownDrives(spacing_m=8.0, distance_m=24.0, width_px=64, height_px=48, blocks=1)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One town by day and by night, recorded with labels; both drives' frames have the same names."""
    folder = tmp_path_factory.mktemp("drives")
    town = SHORT.town(2)
    for number, conditions in enumerate(("day", "night")):
        record_folder(SHORT.source(town, conditions, number), folder / conditions, labels=True)
    return folder


def test_images_of_simulated_towns_bring_exact_labels() -> None:
    places = TownPlaces([2], ("day", "night"), SHORT, min_images_per_place=1).open()
    images = LabelledImages(places.images, FromImages().open())
    town, number = SHORT.town(2), len(images) - 1
    image, groups = images.load(number)
    source = SHORT.source(town, "night", 1)
    rendering = source.rendering(len(source) - 1)
    assert np.array_equal(image, rendering.image_rgb)
    assert np.array_equal(groups, rendering.label)
    assert len(np.unique(groups)) > 2


def test_recorded_drives_bring_their_labels_though_their_frames_share_names(recorded: Path) -> None:
    tuples = DriveTuples(Drive(recorded / "night"), [Drive(recorded / "day")]).open()
    labels = FromImages().open()
    for images, conditions in ((tuples.queries, "night"), (tuples.database, "day")):
        assert len(images) == len(list((recorded / conditions / "images").iterdir()))
        loaded = LabelledImages(images, labels)
        stem = Path(images.name(0)).stem
        wanted = cv2.imread(str(recorded / conditions / "labels" / f"{stem}.png"), cv2.IMREAD_UNCHANGED)
        assert wanted is not None
        assert np.array_equal(loaded.load(0)[1], wanted)
    shares = LabelledImages(tuples.queries, labels).make(lambda _done, _total: None)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_drive_names_its_labels_or_has_none(recorded: Path, tmp_path: Path) -> None:
    images = recorded / "day" / "images"
    given = Drive(images, poses=recorded / "day" / "trajectory.txt", labels=tmp_path)
    tuples = DriveTuples(given, [Drive(recorded / "day")]).open()
    with pytest.raises(TrainingError, match=r"png cannot be read"):
        LabelledImages(tuples.queries, FromImages().open()).load(0)
    with pytest.raises(TrainingError, match=r"frame 7 of \(4, 4\) pixels brings no labels"):
        FromImages().open().of("frame 7", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(TrainingError, match=r"the labels of a are \(2, 4\), its image \(4, 4\)"):
        OwnLabels(read_grouping("towns")).of_classes("a", np.zeros((4, 4, 3), np.uint8), np.zeros((2, 4), np.uint8))


def test_label_pngs_of_a_data_set_that_counts_from_one(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    assert cv2.imwrite(str(tmp_path / "labels" / "a.png"), np.full((4, 4), 3, np.uint8))
    labels = FromPngs(tmp_path / "labels", tmp_path, "ade20k", shift=-1).open()
    assert labels.groups[0].name == "sky"
    assert labels.of("a.jpg", np.zeros((4, 4, 3), np.uint8)).tolist() == [[0] * 4] * 4


def test_a_recipe_names_the_source_as_one_of_its_parts(tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.onnx")
    grouping = tmp_path / "colours.yaml"
    grouping.write_text("groups: {warm: 1, cold: 2}\nclasses: {warm: {0: red}, cold: {1: green, 2: blue}}\n")
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--labels", type=LabelSource)
    given = {"model": str(path), "grouping": str(grouping), "cache": str(tmp_path / "maps"), "size_px": [32, 32]}
    part = {"class_path": "vpr_ros.training.labels.sources.FromOnnx", "init_args": given}
    source = parser.instantiate(parser.parse_object({"labels": part})).labels
    assert isinstance(source, FromOnnx)
    labels = source.open()
    assert isinstance(labels, SegmenterLabels)
    assert labels.of("a", np.full((10, 10, 3), (0, 0, 255), np.uint8)).tolist() == [[1] * 10] * 10
    about = json.loads(next((tmp_path / "maps").glob("*/about.json")).read_text())
    assert about == {"labels": f"net.onnx, grouped by {grouping}", "sha256": labels.sha256}
