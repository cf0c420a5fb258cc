# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""GSV-Cities (Ali-bey et al., Neurocomputing 2022): street views labelled by place (docs/methods.md 1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.csv_table import as_numbers, read_columns
from vpr_ros.training.image_sets import ImageFiles, PlaceData, PlaceImages

CITIES = (
    "Bangkok", "BuenosAires", "LosAngeles", "MexicoCity", "OSL", "Rome", "Barcelona", "Chicago", "Madrid", "Miami",
    "Phoenix", "TRT", "Boston", "Lisbon", "Medellin", "Minneapolis", "PRG", "WashingtonDC", "Brussels", "London",
    "Melbourne", "Osaka", "PRS",
)  # fmt: skip
"""The 23 cities in the order SuperVLAD trains on; the order fixes the place ids."""

PLACES_PER_CITY = 10**5
_NUMERIC = ("place_id", "year", "month", "northdeg", "lat", "lon")
_COLUMNS = (*_NUMERIC, "city_id", "panoid")


class GsvCities(PlaceData):
    """Training images of GSV-Cities, unpacked as published: ``Dataframes/CITY.csv`` and ``Images/CITY/*.jpg``.

    Args:
        root: folder that holds ``Dataframes`` and ``Images``.
        cities: which, in the order that numbers them; place id = city number x 100 000 + the file's id.
        min_images_per_place: places with fewer images are left out.
    """

    def __init__(self, root: Path, cities: Sequence[str] = CITIES, min_images_per_place: int = 4) -> None:
        self.root = Path(root)
        self.cities = tuple(cities)
        self.min_images_per_place = min_images_per_place

    def open(self) -> PlaceImages:
        """Read the tables of all cities.

        Raises:
            TrainingError: a missing file or column, or no place with enough images.
        """
        names: list[str] = []
        ids: list[int] = []
        for number, city in enumerate(self.cities):
            table = self.root / "Dataframes" / f"{city}.csv"
            if not table.is_file():
                raise TrainingError(
                    f"{table} is missing", "Check the root of the data set, or name the cities you have with `cities`"
                )
            columns = read_columns(table, _COLUMNS)
            numbers = [as_numbers(columns[name], table, name).tolist() for name in _NUMERIC]
            for city_id, panorama, *row in zip(columns["city_id"], columns["panoid"], *numbers, strict=True):
                names.append(f"{city_id}/{_file_name(city_id, panorama, *row)}")
                ids.append(int(row[0]) + number * PLACES_PER_CITY)
        place_ids = np.array(ids, dtype=np.int64)
        _, place, counts = np.unique(place_ids, return_inverse=True, return_counts=True)
        keep = np.flatnonzero(counts[place] >= self.min_images_per_place) if len(place_ids) else place_ids
        if not len(keep):
            raise TrainingError(
                f"{self.root}: no place of {', '.join(self.cities)} has {self.min_images_per_place} images",
                "Lower min_images_per_place, or check the tables in Dataframes",
            )
        place_ids = place_ids[keep]
        description = (
            f"GSV-Cities, {len(self.cities)} cities, {len(np.unique(place_ids))} places with "
            f"{self.min_images_per_place} or more images, {len(keep)} images"
        )
        images = ImageFiles(self.root / "Images", [names[i] for i in keep])
        return PlaceImages(description, images, place_ids, place_ids // PLACES_PER_CITY)


def _file_name(
    city: str, panorama: str, place: float, year: float, month: float, north_deg: float, lat: float, lon: float
) -> str:
    """City_placeid_year_month_bearing_latitude_longitude_panorama.jpg, numbers as the authors' tools print them."""
    return f"{city}_{int(place):07d}_{int(year):04d}_{int(month):02d}_{int(north_deg):03d}_{lat}_{lon}_{panorama}.jpg"
