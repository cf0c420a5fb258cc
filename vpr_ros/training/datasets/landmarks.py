# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images by class: Google Landmarks v1 and v2 as published, folders of classes, and retrieval over either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import read_text
from vpr_ros.evaluation.positives import Positives
from vpr_ros.training.csv_table import read_columns
from vpr_ros.training.data_module import Chosen
from vpr_ros.training.image_sets import (
    EvaluationData,
    ImageFiles,
    IndexArray,
    PlaceData,
    PlaceImages,
    RetrievalSet,
    image_names,
)

Part = Literal["train", "held_out", "all"]
_LARGEST_TABLE_BYTES = 1 << 30
"""GLDv2's train.csv is 0.5 GB."""


class GoogleLandmarks(PlaceData):
    """Google Landmarks, v1 or v2: a table, and images as ``train/a/b/c/abcdef0123456789.jpg``.

    Args:
        root: folder that holds both.
        table: ``train.csv`` (id, url, landmark_id) or ``train_clean.csv`` (landmark_id, images).
        images: folder of the images.
        part: which images: those to train on, those held out, or all.
        held_out: share of the images that is held out.
        seed: of the choice.
        only_existing: leave out rows whose image is not there; else training stops at the first one. Many images of v1
            are gone from the web.
        min_images_per_class: classes with fewer images are left out.
    """

    def __init__(
        self,
        root: Path,
        table: str = "train_clean.csv",
        images: str = "train",
        part: Part = "train",
        held_out: float = 0.2,
        seed: int = 0,
        only_existing: bool = False,
        min_images_per_class: int = 1,
    ) -> None:
        self.root = Path(root)
        self.table = table
        self.images = images
        self.share = part, held_out, seed
        self.only_existing = only_existing
        self.min_images_per_class = min_images_per_class

    def open(self) -> PlaceImages:
        """Read the table.

        Raises:
            TrainingError: no such table, or no class with enough images.
        """
        rows = list(_table(self.root / self.table))
        folder = self.root / self.images
        names = [f"{image[0]}/{image[1]}/{image[2]}/{image}.jpg" for _, image in rows]
        if self.only_existing:
            there = set(image_names(folder))
            rows = [row for row, name in zip(rows, names, strict=True) if name in there]
            names = [name for name in names if name in there]
        labels = np.array([label for label, _ in rows], dtype=np.int64)
        return _class_images(
            f"Google Landmarks {self.table}", folder, names, labels, self.share, self.min_images_per_class
        )


class ClassFolders(PlaceData):
    """One folder per class, images anywhere below it.

    Args:
        root: folder that holds them.
        part, held_out, seed, min_images_per_class: see ``GoogleLandmarks``.
    """

    def __init__(
        self, root: Path, part: Part = "train", held_out: float = 0.2, seed: int = 0, min_images_per_class: int = 1
    ) -> None:
        self.root = Path(root)
        self.share = part, held_out, seed
        self.min_images_per_class = min_images_per_class

    def open(self) -> PlaceImages:
        """List the folders.

        Raises:
            TrainingError: no such folder, or no class with enough images.
        """
        names = [name for name in image_names(self.root) if "/" in name]
        labels = np.unique([name.partition("/")[0] for name in names], return_inverse=True)[1].reshape(-1)
        where = f"folders of {self.root.name}"
        return _class_images(where, self.root, names, labels.astype(np.int64), self.share, self.min_images_per_class)


class ClassRetrieval(EvaluationData):
    """One image of each class asks for the others.

    Args:
        data: images by class; held-out ones, if the rest is trained on.
        classes: at most so many, drawn at random.
        seed: of the draw.
        name: for tables.
    """

    def __init__(self, data: PlaceData, classes: int = 1000, seed: int = 0, name: str = "classes") -> None:
        self.data = data
        self.classes = classes
        self.seed = seed
        self.name = name

    def open(self) -> RetrievalSet:
        """Choose classes and queries.

        Raises:
            TrainingError: no class with two images.
        """
        found = self.data.open()
        rng = np.random.default_rng(self.seed)
        names, counts = np.unique(found.place_ids, return_counts=True)
        chosen = rng.permutation(names[counts > 1])[: self.classes]
        order = rng.permutation(np.flatnonzero(np.isin(found.place_ids, chosen)))
        queries = order[np.unique(found.place_ids[order], return_index=True)[1]]
        database = np.setdiff1d(order, queries)
        right = [np.flatnonzero(found.place_ids[database] == found.place_ids[query]) for query in queries]
        return RetrievalSet(
            self.name,
            f"{self.name}: one query of each of {len(queries)} classes, {len(database)} images to find",
            Chosen(found.images, database.tolist()),
            Chosen(found.images, queries.tolist()),
            Positives.from_lists(right, "an image of the same class"),
        ).checked()


def _table(path: Path) -> Iterator[tuple[int, str]]:
    """Yield class and image of each row of either layout."""
    text = read_text(path, TrainingError, _LARGEST_TABLE_BYTES)
    header, _, body = text.partition("\n")
    if header.strip().replace('"', "") == "landmark_id,images":
        pairs = [(row.partition(",")[0], image) for row in body.splitlines() for image in row.partition(",")[2].split()]
    else:
        columns = read_columns(path, ("id", "landmark_id"))
        pairs = list(zip(columns["landmark_id"], columns["id"], strict=True))
    for label, image in pairs:
        if label.isdigit() and len(image) > 2 and image.isalnum():
            yield int(label), image
        elif label.lower() != "none":  # v1 says so of images without a landmark
            raise TrainingError(
                f"{path} gives the image {image[:40]!r} the class {label[:40]!r}, expected an id and a number",
                "Restore the file as the data set's authors publish it",
            )


def _class_images(
    what: str,
    folder: Path,
    names: Sequence[str],
    labels: IndexArray,
    share: tuple[Part, float, int],
    min_images_per_class: int,
) -> PlaceImages:
    part, held_out, seed = share
    if part not in ("train", "held_out", "all") or not 0 <= held_out < 1:
        raise TrainingError(
            f"part {part!r} with {held_out} held out", "Choose train, held_out or all, and a share from 0 to below 1"
        )
    apart = np.random.default_rng(seed).random(len(labels)) < held_out
    keep = np.flatnonzero({"train": ~apart, "held_out": apart, "all": np.ones_like(apart)}[part])
    _, place, counts = np.unique(labels[keep], return_inverse=True, return_counts=True)
    keep = keep[counts[place.reshape(-1)] >= min_images_per_class] if len(keep) else keep
    if not len(keep):
        raise TrainingError(
            f"{what}: no class has {min_images_per_class} images in {folder}",
            "Check the root of the data set, or lower min_images_per_class",
        )
    description = f"{what}, {part}: {len(np.unique(labels[keep]))} classes, {len(keep)} images"
    images = ImageFiles(folder, [names[i] for i in keep.tolist()])
    return PlaceImages(description, images, labels[keep], np.zeros(len(keep), dtype=np.int64))
