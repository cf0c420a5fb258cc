# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map folder, a query folder and a CSV file that says which image answers which."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.evaluation.positives_csv import read_positives
from vpr_ros.training.datasets.numbered_folders import numbered_images
from vpr_ros.training.image_sets import EvaluationData, ImageFiles, RetrievalSet


class ImagePairs(EvaluationData):
    """Any pair of image folders with given positives.

    Args:
        root: folder that holds the rest.
        name: for tables; the folder's name where empty.
        database_folder, query_folder: below *root*.
        positives_csv: below *root*; columns ``query``, ``positives`` and optionally ``informative``.
        drop_uninformative: leave out queries whose column ``informative`` is 0 (a blank wall).
    """

    def __init__(
        self,
        root: Path,
        name: str = "",
        database_folder: str = "map",
        query_folder: str = "query",
        positives_csv: str = "gt.csv",
        drop_uninformative: bool = False,
    ) -> None:
        self.root = Path(root)
        self.name = name or self.root.name
        self.database_folder = database_folder
        self.query_folder = query_folder
        self.positives_csv = positives_csv
        self.drop_uninformative = drop_uninformative

    def open(self) -> RetrievalSet:
        """List both folders and read the positives.

        Raises:
            TrainingError: missing images.
            SourceError: a CSV file that does not fit them.
        """
        database = numbered_images(self.root / self.database_folder)
        queries = numbered_images(self.root / self.query_folder)
        given = read_positives(self.root / self.positives_csv, database, queries)
        positives = given.positives
        if self.drop_uninformative:
            queries = [n for n, keep in zip(queries, given.informative, strict=True) if keep]
            positives = positives.subset(given.informative)
        protocol = (
            f"{self.name}: {len(database)} map images, {len(queries)} queries, positives given in {self.positives_csv}"
            f"{', uninformative queries left out' if self.drop_uninformative else ''}"
        )
        return RetrievalSet(
            self.name,
            protocol,
            ImageFiles(self.root / self.database_folder, database),
            ImageFiles(self.root / self.query_folder, queries),
            positives,
        ).checked()
