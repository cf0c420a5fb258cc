# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What every data set of the trainer becomes: images by place, tuples by position, or a retrieval task."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import read_bytes
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_codec import decode_compressed
from vpr_ros.core.printable import printable
from vpr_ros.evaluation.positives import Positives
from vpr_ros.sources.image_file import IMAGE_SUFFIXES, LARGEST_IMAGE_BYTES
from vpr_ros.training.tuple_positions import Placement

IndexArray = npt.NDArray[np.int64]


class ImageList(Protocol):
    """N images that are decoded only when somebody asks, from any worker process."""

    def __len__(self) -> int:
        """Return N."""

    def load(self, index: int) -> ImageRgb:
        """Decode one image to (H, W, 3) uint8.

        Raises:
            FrameDecodeError: it does not decode.
            TrainingError: its file is not there.
        """

    def name(self, index: int) -> str:
        """Return the image's name for people and reports."""


@runtime_checkable
class ImageSelection(Protocol):
    """A list that is made of others."""

    def within(self, index: int) -> tuple[ImageList, int]:
        """The list that an image comes from, and its number there."""


def origin(images: ImageList, index: int) -> tuple[ImageList, int]:
    """The list that really loads an image, behind chains and choices, and the image's number there."""
    while isinstance(images, ImageSelection):
        images, index = images.within(index)
    return images, index


class ImageFiles:
    """Image files below a folder.

    The names are kept in one array of bytes: a list of half a million strings would be copied into every worker
    process as soon as their reference counts are touched.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = root
        self._names = np.array([os.fsencode(n) for n in names], dtype=np.bytes_)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        """Return the path relative to ``root``."""
        return os.fsdecode(bytes(self._names[index]))

    def load(self, index: int) -> ImageRgb:
        """Decode one image; see ``ImageList.load``."""
        path = self.root / self.name(index)
        return decode_compressed(read_bytes(path, LARGEST_IMAGE_BYTES, TrainingError), printable(str(path)))


class ImageListChain:
    """Several lists one after the other."""

    def __init__(self, lists: Sequence[ImageList]) -> None:
        self._lists = tuple(lists)
        self._starts = np.cumsum([0, *(len(images) for images in lists)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def load(self, index: int) -> ImageRgb:
        """Decode one image; see ``ImageList.load``."""
        images, own = self.within(index)
        return images.load(own)

    def name(self, index: int) -> str:
        """Return the image's name."""
        images, own = self.within(index)
        return images.name(own)

    def within(self, index: int) -> tuple[ImageList, int]:
        """The list of this image, and its number there."""
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._lists[number], int(index - self._starts[number])


@dataclass(frozen=True, eq=False)
class PlaceImages:
    """N images labelled by place, for metric learning.

    Attributes:
        description: one line for logs.
        images: N images.
        place_ids: (N,) int64, equal where two images show the same place.
        groups: (N,) int64; a batch is drawn from one group, so different places of one group must differ in truth.
    """

    description: str
    images: ImageList
    place_ids: IndexArray
    groups: IndexArray


@dataclass(frozen=True, eq=False)
class TupleImages:
    """Queries and database with positions only, for weakly supervised ranking."""

    description: str
    queries: ImageList
    database: ImageList
    query_placement: Placement
    database_placement: Placement


@dataclass(frozen=True, eq=False)
class RetrievalSet:
    """A retrieval task with its ground truth.

    Attributes:
        name: short, for tables.
        protocol: in full, because the same name often means several tests (docs/methods.md 5.3).
        database, queries: the images.
        positives: correct database images of each query.
    """

    name: str
    protocol: str
    database: ImageList
    queries: ImageList
    positives: Positives

    def checked(self) -> RetrievalSet:
        """Return this set.

        Raises:
            TrainingError: no database images, no queries, or no query with an answer.
        """
        if not len(self.database) or not len(self.queries):
            raise TrainingError(
                f"{self.name}: {len(self.database)} database images and {len(self.queries)} queries, "
                f"both must be more than 0",
                "Check the folder of the evaluation set",
            )
        if not self.positives.answerable.any():
            raise TrainingError(
                f"{self.name}: none of the {len(self.queries)} queries has a correct answer in the database "
                f"({self.positives.rule})",
                "Check that queries and database lie in the same coordinates, or widen the threshold",
            )
        return self


class PlaceData(ABC):
    """A recipe's choice of ``PlaceImages``."""

    @abstractmethod
    def open(self) -> PlaceImages:
        """Read the index; images are decoded later.

        Raises:
            TrainingError: the data set is not there or not as expected.
        """


class TupleData(ABC):
    """A recipe's choice of ``TupleImages``."""

    @abstractmethod
    def open(self) -> TupleImages:
        """Read the index; images are decoded later.

        Raises:
            TrainingError: the data set is not there or not as expected.
        """


class EvaluationData(ABC):
    """A recipe's choice of ``RetrievalSet``."""

    @abstractmethod
    def open(self) -> RetrievalSet:
        """Read the index; images are decoded later.

        Raises:
            TrainingError: the data set is not there or not as expected.
        """


def image_names(folder: Path) -> list[str]:
    """Return the paths of all images below *folder*, relative to it, sorted.

    Raises:
        TrainingError: no such folder.
    """
    if not folder.is_dir():
        raise TrainingError(f"there is no folder {folder}", "Check the root of the data set and how it was unpacked")
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(found)
