# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model on a revisited set: descriptors kept as they are made, local features only of what is checked."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_ros.core.disk import new_file
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.evaluation.landmarks.average_precision import SetupScore, score_setup
from vpr_ros.evaluation.landmarks.rerank import LocalFeatures, Verification, rerank
from vpr_ros.evaluation.landmarks.revisited import SETUPS, RevisitedTruth, Setup
from vpr_ros.training.delg.extraction import DelgExtractor
from vpr_ros.training.image_sets import ImageFiles, ImageList, ImageListChain

FloatArray = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]
BLOCK = 200
"""Images between two files of descriptors: what a killed run loses at most."""


@dataclass(frozen=True, eq=False)
class RevisitedImages:
    """The images of a set.

    Attributes:
        truth: what belongs together.
        queries: whole; they are cropped to their boxes when they are described.
        database: those of the truth, then the distractors.
    """

    truth: RevisitedTruth
    queries: ImageList
    database: ImageList

    @classmethod
    def of(cls, truth: RevisitedTruth, folder: Path, distractors: ImageList | None = None) -> RevisitedImages:
        """Find the images ``NAME.jpg`` in a folder.

        Raises:
            TrainingError: some of them are not there.
        """
        lists = [[f"{name}.jpg" for name in names] for names in (truth.queries, truth.database)]
        missing = [name for names in lists for name in names if not (folder / name).is_file()]
        if missing:
            raise TrainingError(
                f"{len(missing)} images of the ground truth are not in {folder}, {missing[0]} for example",
                "Give the folder that holds them all",
            )
        queries, own = (ImageFiles(folder, names) for names in lists)
        return cls(truth, queries, own if distractors is None else ImageListChain([own, distractors]))

    def query(self, number: int) -> tuple[ImageRgb, float]:
        """One query cropped to its box, and the share of the size limit it has."""
        return cropped(self.queries.load(number), self.truth.boxes_xyxy[number])


def cropped(image_rgb: ImageRgb, box_xyxy: npt.NDArray[np.float64]) -> tuple[ImageRgb, float]:
    """Cut a box out of (H, W, 3); the longer side that is left, as a share of the image's."""
    height, width = image_rgb.shape[:2]
    left, top, right, bottom = (round(float(v)) for v in box_xyxy)
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    cut = image_rgb[top : min(max(bottom, top + 1), height), left : min(max(right, left + 1), width)]
    return cut, max(cut.shape[:2]) / max(height, width)


class RevisitedRun:
    """One model on one set.

    Args:
        extractor: of the model.
        images: of the set.
        folder: where features are kept; it belongs to one model, set and way of extraction.
        progress: told what is being done, how much of it, and of how much.
    """

    def __init__(self, extractor: DelgExtractor, images: RevisitedImages, folder: Path, progress: Progress) -> None:
        self._extractor = extractor
        self._images = images
        self._folder = folder
        self._progress = progress

    def rankings(self) -> list[npt.NDArray[np.int64]]:
        """Database images of each query by falling similarity.

        Raises:
            TrainingError, FrameDecodeError: an image or a kept file cannot be read.
        """
        extractor, images = self._extractor, self._images
        queries = np.concatenate(
            list(
                self._blocks("queries", len(images.queries), lambda number: extractor.descriptor(*images.query(number)))
            )
        )
        blocks = self._blocks(
            "database", len(images.database), lambda number: extractor.descriptor(images.database.load(number))
        )
        similarities = np.concatenate([block @ queries.T for block in blocks])
        return [np.argsort(-column, kind="stable") for column in similarities.T]

    def scores(
        self, rankings: Sequence[npt.NDArray[np.int64]], check: Verification | None, binary: bool, checked: int = 100
    ) -> dict[Setup, SetupScore]:
        """Score the rankings of every setup, re-ordered by *check* where it is given."""
        labels = self._images.truth.labels
        if check is None:
            return {setup: score_setup(rankings, labels, setup) for setup in SETUPS}
        ordered: dict[Setup, list[npt.NDArray[np.int64]]] = {setup: [] for setup in SETUPS}
        for number, (ranking, label) in enumerate(zip(rankings, labels, strict=True)):
            known: dict[int, int] = {}
            query = self._local("query", number, binary)

            def inliers(image: int, known: dict[int, int] = known, query: LocalFeatures = query) -> int:
                if image not in known:
                    known[image] = check.inliers(query, self._local("database", image, binary))
                return known[image]

            for setup in SETUPS:  # an image that two setups check is compared once
                ordered[setup].append(rerank(ranking, label.junk_of(setup), inliers, checked))
            self._progress("re-ranking", number + 1, len(rankings))
        return {setup: score_setup(ordered[setup], labels, setup) for setup in SETUPS}

    def _blocks(self, name: str, count: int, describe: Callable[[int], FloatArray]) -> Iterator[FloatArray]:
        """Yield the descriptors of all images, one block after the other: a million of them fill 8 GB."""
        for start in range(0, count, BLOCK):
            file = self._folder / name / f"{start:08d}.npy"
            if not file.is_file():
                rows = np.stack([describe(number) for number in range(start, min(start + BLOCK, count))])
                with new_file(file, TrainingError) as part:
                    np.save(part, rows, allow_pickle=False)
            yield _loaded(file)
            self._progress(name, min(start + BLOCK, count), count)

    def _local(self, side: str, number: int, binary: bool) -> LocalFeatures:
        file = self._folder / f"local_{side}" / f"{number:08d}.npz"
        if not file.is_file():
            image, share = self._images.query(number) if side == "query" else (self._images.database.load(number), 1.0)
            found = self._extractor.local(image, share)
            with new_file(file, TrainingError) as part:
                np.savez(part, points=found.points_yx_px, descriptors=found.descriptors, scores=found.scores)
        try:
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
                features = LocalFeatures(kept["points"], kept["descriptors"], kept["scores"])
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise _damaged(file, error) from error
        return features.binarised() if binary else features


def _loaded(file: Path) -> FloatArray:
    try:
        rows: FloatArray = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise _damaged(file, error) from error
    return rows


def _damaged(file: Path, error: Exception) -> TrainingError:
    return TrainingError(f"{file} cannot be read ({error})", "Remove it: it is made again")
