# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images by class: both layouts of Google Landmarks, folders, and retrieval over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.datasets.landmarks import ClassFolders, ClassRetrieval, GoogleLandmarks

WriteImage = Callable[..., Path]
IDS = [f"{first}{second}c{n:013x}" for n, (first, second) in enumerate(zip("a097c1", "bfa70d", strict=True))]


def file_of(image: str) -> str:
    return f"train/{image[0]}/{image[1]}/{image[2]}/{image}.jpg"


@pytest.fixture
def root(tmp_path: Path, write_image: WriteImage) -> Path:
    for value, image in enumerate(IDS[:-1]):
        write_image(tmp_path / file_of(image), value)
    rows = [f'"{image}","http://somewhere/{image}","{7 * (n % 2)}"' for n, image in enumerate(IDS)]
    (tmp_path / "train.csv").write_text("\n".join(['"id","url","landmark_id"', *rows, '"ffff","None","None"']) + "\n")
    clean = [f"0,{' '.join(IDS[0:4:2])}", f"7,{' '.join(IDS[1:4:2])}"]
    (tmp_path / "train_clean.csv").write_text("\n".join(["landmark_id,images", *clean]) + "\n")
    return tmp_path


def test_both_tables_give_the_same_images(root: Path) -> None:
    whole = GoogleLandmarks(root, "train.csv", part="all", only_existing=True).open()
    assert whole.place_ids.tolist() == [0, 7, 0, 7, 0]
    assert whole.images.name(1) == file_of(IDS[1]).removeprefix("train/")
    assert whole.images.load(1).shape[2] == 3
    clean = GoogleLandmarks(root, part="all").open()
    assert clean.place_ids.tolist() == [0, 0, 7, 7]
    assert [clean.images.name(n) for n in range(4)] == [whole.images.name(n) for n in (0, 2, 1, 3)]


def test_what_is_held_out_is_not_trained_on(root: Path) -> None:
    parts = [GoogleLandmarks(root, "train.csv", part=p, held_out=0.5, seed=1).open() for p in ("train", "held_out")]
    names = [{part.images.name(n) for n in range(len(part.images))} for part in parts]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == len(IDS)


def test_a_missing_image_is_named_when_it_is_loaded(root: Path) -> None:
    images = GoogleLandmarks(root, "train.csv", part="all").open().images
    with pytest.raises(TrainingError, match=IDS[-1]):
        images.load(5)


def test_folders_are_classes(tmp_path: Path, write_image: WriteImage) -> None:
    for name in ("arch/1.jpg", "arch/more/2.jpg", "bridge/1.jpg", "loose.jpg"):
        write_image(tmp_path / name, 1)
    found = ClassFolders(tmp_path, part="all").open()
    assert found.place_ids.tolist() == [0, 0, 1]
    assert ClassFolders(tmp_path, part="all", min_images_per_class=2).open().place_ids.tolist() == [0, 0]
    with pytest.raises(TrainingError, match="no class has 3 images"):
        ClassFolders(tmp_path, part="all", min_images_per_class=3).open()


def test_one_image_of_each_class_asks_for_the_others(root: Path) -> None:
    data = GoogleLandmarks(root, "train.csv", part="all")
    task = ClassRetrieval(data, name="held-out").open()
    assert (len(task.queries), len(task.database)) == (2, 4)
    labels = {data.open().images.name(n): int(label) for n, label in enumerate(data.open().place_ids)}
    for query, right in enumerate(task.positives.indices):
        wanted = labels[task.queries.name(query)]
        assert right.tolist() == [n for n in range(4) if labels[task.database.name(n)] == wanted]


@pytest.mark.parametrize(
    ("row", "told"),
    [("../../etc,url,3", "the class '3'"), ("abc1,url,seven", "expected an id and a number")],
)
def test_rows_that_are_none_are_refused(root: Path, row: str, told: str) -> None:
    (root / "train.csv").write_text(f"id,url,landmark_id\n{row}\n")
    with pytest.raises(TrainingError, match=told):
        GoogleLandmarks(root, "train.csv").open()


def test_a_part_there_is_not_is_refused(root: Path) -> None:
    with pytest.raises(TrainingError, match="part 'test'"):
        GoogleLandmarks(root, part="test").open()  # type: ignore[arg-type]
    assert np.all(GoogleLandmarks(root, held_out=0.0).open().groups == 0)
