# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""GSV-Cities: tables, file names, place ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vpr_ros.core.errors import FrameDecodeError, TrainingError
from vpr_ros.training.datasets.gsv_cities import CITIES, GsvCities

WriteCsv = Callable[..., Path]
WriteImage = Callable[..., Path]

HEADER = ("place_id", "year", "month", "northdeg", "city_id", "lat", "lon", "panoid")


def city_rows(city: str, sizes: dict[int, int]) -> list[tuple[object, ...]]:
    return [
        (place, 2010 + n, 1 + n, 7 * n, city, 48.5 + 0.001 * place, -3.0 - n / 10, f"pano_{place}-{n}")
        for place, size in sizes.items()
        for n in range(size)
    ]


@pytest.fixture
def root(tmp_path: Path, write_csv: WriteCsv, write_image: WriteImage) -> Path:
    write_csv(tmp_path / "Dataframes" / "Boston.csv", HEADER, city_rows("Boston", {1: 4, 23: 5, 24: 3}))
    write_csv(tmp_path / "Dataframes" / "London.csv", HEADER, city_rows("London", {1: 4}))
    for value, name in enumerate(
        (
            "Boston/Boston_0000001_2010_01_000_48.501_-3.0_pano_1-0.jpg",
            "Boston/Boston_0000023_2014_05_028_48.523_-3.4_pano_23-4.jpg",
            "London/London_0000001_2013_04_021_48.501_-3.3_pano_1-3.jpg",
        )
    ):
        write_image(tmp_path / "Images" / name, value)
    return tmp_path


def test_place_ids_carry_the_number_of_the_city(root: Path) -> None:
    places = GsvCities(root, ("Boston", "London")).open()
    ids, counts = np.unique(places.place_ids, return_counts=True)
    assert dict(zip(ids.tolist(), counts.tolist(), strict=True)) == {1: 4, 23: 5, 100001: 4}  # 24 has 3 images
    assert places.groups.tolist() == [0] * 9 + [1] * 4
    swapped = GsvCities(root, ("London", "Boston")).open()
    assert sorted(set(swapped.place_ids.tolist())) == [1, 100001, 100023]


def test_names_lead_to_the_published_files(root: Path) -> None:
    images = GsvCities(root, ("Boston", "London")).open().images
    for index in (0, 8, 12):
        assert images.load(index).shape == (24, 32, 3)
    assert images.name(8) == "Boston/Boston_0000023_2014_05_028_48.523_-3.4_pano_23-4.jpg"


def test_more_images_per_place_leave_fewer_places(root: Path) -> None:
    assert set(GsvCities(root, ("Boston",), min_images_per_place=5).open().place_ids.tolist()) == {23}
    with pytest.raises(TrainingError, match="no place of Boston has 6 images"):
        GsvCities(root, ("Boston",), min_images_per_place=6).open()


def test_a_missing_column_is_named(root: Path, write_csv: WriteCsv) -> None:
    write_csv(root / "Dataframes" / "Boston.csv", ("place_id", "year", "month", "city_id", "lat", "lon", "panoid"), [])
    with pytest.raises(TrainingError, match=r"Boston\.csv has no column northdeg; found place_id, year"):
        GsvCities(root, ("Boston",)).open()


def test_a_cell_that_is_no_number_is_named(root: Path, write_csv: WriteCsv) -> None:
    rows = city_rows("Boston", {1: 4})
    rows[2] = (*rows[2][:3], "north", *rows[2][4:])
    write_csv(root / "Dataframes" / "Boston.csv", HEADER, rows)
    with pytest.raises(TrainingError, match=r"column northdeg, data row 3 holds 'north'"):
        GsvCities(root, ("Boston",)).open()


def test_missing_and_broken_images_are_named_when_they_are_asked_for(root: Path) -> None:
    images = GsvCities(root, ("Boston",)).open().images
    with pytest.raises(TrainingError, match=r"Boston_0000001_2011_02_007.*cannot be read"):
        images.load(1)
    path = root / "Images" / images.name(0)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FrameDecodeError, match="Boston_0000001_2010_01_000"):
        images.load(0)


def test_a_missing_city_is_named(root: Path) -> None:
    with pytest.raises(TrainingError, match=r"Rome\.csv is missing.*`cities`"):
        GsvCities(root, ("Rome",)).open()
    assert len(set(CITIES)) == 23
