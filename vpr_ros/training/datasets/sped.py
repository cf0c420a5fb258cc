# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""SPED: 607 pairs of surveillance-camera images, seasons apart (docs/methods.md 5.2)."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.core.errors import TrainingError
from vpr_ros.evaluation.positives_by_index import positives_by_index
from vpr_ros.training.datasets.numbered_folders import numbered_images
from vpr_ros.training.image_sets import EvaluationData, ImageFiles, RetrievalSet


class Sped(EvaluationData):
    """The test part of SPED: query k is answered by map image k alone.

    Args:
        root: folder with ``ref`` and ``query`` (VPR-Bench) or ``images/test/{database,queries}`` (downloader).
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def open(self) -> RetrievalSet:
        """List both folders and pair them by name.

        Raises:
            TrainingError: missing images, or names that differ.
        """
        formatted = self.root / "images" / "test"
        folders = ("database", "queries") if formatted.is_dir() else ("ref", "query")
        base = formatted if formatted.is_dir() else self.root
        database, queries = (numbered_images(base / folder) for folder in folders)
        if [Path(n).stem for n in database] != [Path(n).stem for n in queries]:
            raise TrainingError(
                f"{self.root}: the {len(database)} map images and {len(queries)} queries do not bear the same names",
                "SPED pairs images by name: restore the files as published",
            )
        protocol = f"SPED: 607 map images, 607 queries, correct by index; here {len(database)} of each"
        positives = positives_by_index(len(database), len(queries), 0)
        return RetrievalSet(
            "sped", protocol, ImageFiles(base / folders[0], database), ImageFiles(base / folders[1], queries), positives
        ).checked()
