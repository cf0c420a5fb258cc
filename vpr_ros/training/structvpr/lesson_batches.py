# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Training batches with what the teacher has to say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vpr_ros.training.batches import Failure, PlaceBatches, TupleBatches, image_seeds, or_failure
from vpr_ros.training.image_sets import ImageList
from vpr_ros.training.labels.joint_transform import JointTransform
from vpr_ros.training.labels.label_maps import LabelMaps
from vpr_ros.training.labels.labelled_images import LabelledImages
from vpr_ros.training.place_sampler import Draw
from vpr_ros.training.structvpr.lessons import GradedPairs
from vpr_ros.training.structvpr.ranks import DescriptorArray
from vpr_ros.training.tuple_mining import MinedTuple


class Lesson(NamedTuple):
    """Of T training pairs, each with V views: query and positive, or one image alone.

    Attributes:
        weights: (T,) float32.
        groups: (T,) uint8, see ``Partition.numbers``.
        teacher: (T, V, D) float32 answers, or (T, V, height, width) uint8 label maps for the teacher to answer.
    """

    weights: Tensor
    groups: Tensor
    teacher: Tensor


@dataclass(frozen=True, eq=False)
class LessonSource:
    """What the teacher says of single images: answers that are kept, or label maps moved as the image is.

    Attributes:
        graded: weights and groups of the queries.
        answers: (N, D) by the name of the list, where they are kept.
        labels, joint: where they are not.
    """

    graded: GradedPairs
    answers: Mapping[str, DescriptorArray] | None = None
    labels: LabelMaps | None = None
    joint: JointTransform | None = None

    def view(self, name: str, images: ImageList, index: int, seed: int) -> Tensor:
        """(D,) answer, or (height, width) map, of one image augmented with this seed."""
        if self.answers is not None:
            return torch.from_numpy(self.answers[name][index])
        if self.labels is None or self.joint is None:
            raise AssertionError("a lesson has answers or labels")
        return self.joint(*LabelledImages(images, self.labels).load(index), seed)[1]

    def lesson(self, queries: Sequence[int], views: Sequence[Sequence[Tensor]]) -> Lesson:
        """Put the views of T queries together."""
        chosen = list(queries)
        return Lesson(
            torch.from_numpy(self.graded.weights[chosen]),
            torch.from_numpy(self.graded.numbers[chosen]),
            torch.stack([torch.stack(list(of_one)) for of_one in views]),
        )


class TaughtTupleBatches(TupleBatches):
    """Tuples -> images, rows, and the lesson of each query and its positive."""

    def __init__(self, source: LessonSource, *tuples: Any) -> None:
        super().__init__(*tuples)
        self._source = source

    def __getitem__(self, batch: tuple[Sequence[MinedTuple], int]) -> Any:
        """Decode and augment one batch; see ``TupleBatches``."""
        made = super().__getitem__(batch)
        if isinstance(made, Failure):
            return made
        images, rows = made
        tuples, seed = batch
        seeds = image_seeds(seed, len(images))

        def make() -> tuple[Tensor, Tensor, Lesson]:
            views = [
                (
                    self._source.view("queries", self._images.queries, mined.query, seeds[row[0]]),
                    self._source.view("database", self._images.database, mined.positive, seeds[row[1]]),
                )
                for mined, row in zip(tuples, rows.tolist(), strict=True)
            ]
            return images, rows, self._source.lesson([mined.query for mined in tuples], views)

        return or_failure(make)


class TaughtPlaceBatches(PlaceBatches):
    """Draws -> images, labels, and the lesson of each image."""

    def __init__(self, source: LessonSource, *places: Any) -> None:
        super().__init__(*places)
        self._source = source

    def __getitem__(self, draws: Sequence[Draw]) -> Any:
        """Decode and augment one batch; see ``PlaceBatches``."""
        made = super().__getitem__(draws)
        if isinstance(made, Failure):
            return made

        def make() -> tuple[Tensor, Tensor, Lesson]:
            views = [[self._source.view("images", self._places.images, draw.index, draw.seed)] for draw in draws]
            return (*made, self._source.lesson([draw.index for draw in draws], views))

        return or_failure(make)
