# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Nordland: one railway line in two seasons. Three different tests bear this name (docs/methods.md 5.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from vpr_ros.core.errors import TrainingError
from vpr_ros.evaluation.positives import Positives
from vpr_ros.evaluation.positives_by_index import positives_by_index
from vpr_ros.training.datasets.numbered_folders import numbered_images
from vpr_ros.training.image_sets import EvaluationData, ImageFiles, RetrievalSet

Variant = Literal["full", "vpr_bench", "test"]

_QUERY_STEP = 10
_DEFAULT_FOLDERS = {"full": ("summer", "winter"), "vpr_bench": ("ref", "query"), "test": ("summer", "winter")}
_PROTOCOLS = {
    "full": "Nordland full: 27 592 summer map images, 27 592 winter queries, correct within 10 frames "
    "(VPR-datasets-downloader, CricaVPR, EDTformer)",
    "vpr_bench": "Nordland VPR-Bench: 27 592 map images, every tenth of the other season as query (2 760), correct "
    "within 1 frame; its release has winter as map and summer as queries (gsv-cities, SALAD, BoQ)",
    "test": "Nordland test: 3 450 map images, 3 450 queries, correct within 2 frames (TransVPR, SelaVPR, StructVPR)",
}
_WINDOW_FRAMES = {"full": 10, "vpr_bench": 1, "test": 2}


class Nordland(EvaluationData):
    """One of the three tests called Nordland.

    Args:
        root: folder that holds both seasons; for "full" also the layout of VPR-datasets-downloader
            (``images/test/{database,queries}``) is found by itself.
        variant: "full", "vpr_bench" or "test".
        database_folder, query_folder: below *root*; by default summer and winter, for "vpr_bench" ref and query.
        names_file: list of file names to keep (``cleanImageNames.txt`` drops tunnels and stops from the raw videos).
    """

    def __init__(
        self,
        root: Path,
        variant: Variant,
        database_folder: str = "",
        query_folder: str = "",
        names_file: Path | None = None,
    ) -> None:
        self.root = Path(root)
        self.variant: Variant = variant
        self.database_folder, self.query_folder = self._folders(database_folder, query_folder)
        self.names_file = names_file

    def open(self) -> RetrievalSet:
        """List both seasons and pair them by number.

        Raises:
            TrainingError: missing images, or counts that do not correspond.
        """
        only = None
        if self.names_file is not None:
            try:
                only = frozenset(Path(self.names_file).read_text(encoding="utf-8").split())
            except OSError as error:
                raise TrainingError(f"{self.names_file} cannot be read ({error.strerror})", "Check its path") from error
        database = numbered_images(self.root / self.database_folder, only)
        queries, positives = self._pair(database, numbered_images(self.root / self.query_folder, only))
        protocol = f"{_PROTOCOLS[self.variant]}; here {len(database)} and {len(queries)}"
        return RetrievalSet(
            f"nordland-{self.variant}",
            protocol,
            ImageFiles(self.root / self.database_folder, database),
            ImageFiles(self.root / self.query_folder, queries),
            positives,
        ).checked()

    def _folders(self, database: str, queries: str) -> tuple[str, str]:
        defaults = _DEFAULT_FOLDERS[self.variant]
        if self.variant == "full" and (self.root / "images" / "test" / "database").is_dir():
            defaults = ("images/test/database", "images/test/queries")
        return database or defaults[0], queries or defaults[1]

    def _pair(self, database: list[str], queries: list[str]) -> tuple[list[str], Positives]:
        """Return the queries to ask and what answers them."""
        window, size = _WINDOW_FRAMES[self.variant], len(database)
        if self.variant != "vpr_bench":
            if len(queries) != size:
                raise _counts_differ(self.root, size, len(queries), "as many queries as map images")
            return queries, positives_by_index(size, size, window)
        sampled = range(0, size, _QUERY_STEP)
        if len(queries) == size:
            queries = [queries[i] for i in sampled]
        elif len(queries) != len(sampled):
            raise _counts_differ(self.root, size, len(queries), f"{len(sampled)} or {size} queries")
        near = [np.arange(max(0, i - window), min(size, i + window + 1)) for i in sampled]
        return queries, Positives.from_lists(near, f"frame numbers at most {window} apart")


def _counts_differ(root: Path, database: int, queries: int, expected: str) -> TrainingError:
    return TrainingError(
        f"{root}: {database} map images and {queries} queries, expected {expected}",
        "Check the folders, or give names_file with the list of clean images",
    )
