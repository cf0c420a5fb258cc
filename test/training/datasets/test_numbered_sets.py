# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Nordland's three tests, SPED, and any pair of folders with given positives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.datasets.image_pairs import ImagePairs
from vpr_ros.training.datasets.nordland import Nordland, Variant
from vpr_ros.training.datasets.sped import Sped

WriteCsv = Callable[..., Path]
WriteImage = Callable[..., Path]


def season(folder: Path, count: int, write_image: WriteImage) -> None:
    for number in range(count):
        write_image(folder / f"images-{number}.png", number, (4, 4))


def test_nordland_full_allows_ten_frames(tmp_path: Path, write_image: WriteImage) -> None:
    for name in ("summer", "winter"):
        season(tmp_path / name, 25, write_image)
    task = Nordland(tmp_path, "full").open()
    assert task.database.name(10) == "images-10.png", "2 comes before 10"
    assert task.positives.indices[12].tolist() == list(range(2, 23))
    assert task.positives.indices[0].tolist() == list(range(11))
    assert "correct within 10 frames" in task.protocol


def test_nordland_full_in_the_downloaders_layout(tmp_path: Path, write_image: WriteImage) -> None:
    for side in ("database", "queries"):
        for number in range(12):
            north = number * 25 / 10.5
            write_image(tmp_path / "images/test" / side / f"@0@{north:07.1f}@@@@@{number}@@@@@@@@.jpg", number, (4, 4))
    task = Nordland(tmp_path, "full").open()
    assert len(task.database) == 12
    assert task.positives.indices[11].tolist() == list(range(1, 12))


@pytest.mark.parametrize("queries", [25, 3])
def test_nordland_vpr_bench_asks_every_tenth_frame(tmp_path: Path, write_image: WriteImage, queries: int) -> None:
    season(tmp_path / "ref", 25, write_image)
    season(tmp_path / "query", queries, write_image)
    task = Nordland(tmp_path, "vpr_bench").open()
    assert [p.tolist() for p in task.positives.indices] == [[0, 1], [9, 10, 11], [19, 20, 21]]
    expected = [0, 10, 20] if queries == 25 else [0, 1, 2]
    assert [task.queries.name(i) for i in range(3)] == [f"images-{n}.png" for n in expected]


def test_nordland_test_allows_two_frames_and_reads_the_list_of_clean_images(
    tmp_path: Path, write_image: WriteImage
) -> None:
    season(tmp_path / "summer", 7, write_image)
    season(tmp_path / "winter", 6, write_image)
    clean = tmp_path / "clean.txt"
    clean.write_text("\n".join(f"images-{n}.png" for n in range(6)))
    task = Nordland(tmp_path, "test", names_file=clean).open()
    assert task.positives.indices[3].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(TrainingError, match="7 map images and 6 queries, expected as many queries"):
        Nordland(tmp_path, "test").open()


@pytest.mark.parametrize("variant", ["full", "vpr_bench", "test"])
def test_nordland_without_images_is_refused(tmp_path: Path, variant: Variant) -> None:
    with pytest.raises(TrainingError, match="there is no folder"):
        Nordland(tmp_path, variant).open()


def test_sped_pairs_by_name(tmp_path: Path, write_image: WriteImage) -> None:
    for folder in ("ref", "query"):
        for number in (1, 2, 10):
            write_image(tmp_path / folder / f"{number:04d}.jpg", number, (4, 4))
    task = Sped(tmp_path).open()
    assert [p.tolist() for p in task.positives.indices] == [[0], [1], [2]]
    (tmp_path / "query" / "0002.jpg").rename(tmp_path / "query" / "0003.jpg")
    with pytest.raises(TrainingError, match="do not bear the same names"):
        Sped(tmp_path).open()


def test_image_pairs_read_their_positives(tmp_path: Path, write_image: WriteImage, write_csv: WriteCsv) -> None:
    for number in range(3):
        write_image(tmp_path / "map" / f"{number}.png", number)
        write_image(tmp_path / "query" / f"{number}.png", 9 + number)
    rows = [("query/0.png", "map/0.png map/1.png", 1), ("query/1.png", "map/1.png", 0), ("query/2.png", "map/2.png", 1)]
    write_csv(tmp_path / "gt.csv", ("query", "positives", "informative"), rows)
    task = ImagePairs(tmp_path, "hall").open()
    assert [p.tolist() for p in task.positives.indices] == [[0, 1], [1], [2]]
    task = ImagePairs(tmp_path, "hall", drop_uninformative=True).open()
    assert [p.tolist() for p in task.positives.indices] == [[0, 1], [2]]
    assert [task.queries.name(i) for i in range(2)] == ["0.png", "2.png"]
