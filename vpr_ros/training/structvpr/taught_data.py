# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The data of the second stage: training pairs ranked once by teacher and student, then drawn with their lessons."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpr_ros.core.errors import ConfigError
from vpr_ros.training.data_module import RecipeData
from vpr_ros.training.embedding import describe_images
from vpr_ros.training.labels.joint_transform import JointTransform
from vpr_ros.training.labels.sources import LabelSource
from vpr_ros.training.metric_learning import PlaceDataModule
from vpr_ros.training.progress import say
from vpr_ros.training.structvpr.lesson_batches import LessonSource, TaughtPlaceBatches, TaughtTupleBatches
from vpr_ros.training.structvpr.lessons import GradedPairs, Lessons
from vpr_ros.training.structvpr.pairs import TrainingPairs, WatchedPairs, pairs_of_places, pairs_of_tuples
from vpr_ros.training.structvpr.ranks import DescriptorArray
from vpr_ros.training.structvpr.sample_weights import (
    WeightRule,
    said_if_nothing_is_distilled,
    said_if_the_student_knows_better,
)
from vpr_ros.training.structvpr.teacher import ImageTeacher, SegTeacher, Teacher, open_teacher
from vpr_ros.training.triplet_training import TupleDataModule


@dataclass(frozen=True)
class Watched:
    """Whose recall is followed over time.

    Attributes:
        queries: training queries, chosen once.
        database: images beside their positives.
    """

    queries: int = 500
    database: int = 2000


class TaughtData(RecipeData):
    """Training data with a teacher.

    Args:
        teacher: checkpoint, or ONNX file that describes itself; over label maps where *labels* are given.
        labels: of the training images, for a SEG teacher.
        weights: which pairs are distilled, and how much each counts.
        watched: see ``Watched``.
        recipe: see ``RecipeData``.
    """

    def __init__(
        self,
        *,
        teacher: Path,
        labels: LabelSource | None = None,
        weights: WeightRule | None = None,
        watched: Watched | None = None,
        **recipe: Any,
    ) -> None:
        super().__init__(**recipe)
        self.teacher_file = Path(teacher)
        self.labels = labels
        self.weights = weights or WeightRule()
        self.watched = watched or Watched()
        self._teacher: Teacher | None = None
        self._pairs: TrainingPairs | None = None
        self._answers: dict[str, DescriptorArray] | None = None
        self._graded: GradedPairs | None = None

    @property
    def teacher(self) -> Teacher:
        """The teacher, opened when first asked for."""
        if self._teacher is None:
            labels = None if self.labels is None else self.labels.open()
            self._teacher = open_teacher(self.teacher_file, labels, say)
        return self._teacher

    @property
    def pairs(self) -> TrainingPairs:
        """What both branches are asked about, found when first asked for."""
        if self._pairs is None:
            self._pairs = self._find_pairs()
        return self._pairs

    @property
    def watched_pairs(self) -> WatchedPairs:
        """The pairs whose recall is followed."""
        return self.pairs.watched(self.watched.queries, self.watched.database, self.seed)

    @property
    def graded(self) -> GradedPairs:
        """The pairs with their groups and weights.

        Raises:
            ConfigError: asked before training began.
        """
        if self._graded is None:
            raise ConfigError("the training pairs are not ranked yet", "Start training through `vpr_ros train fit`")
        return self._graded

    def setup(self, stage: str) -> None:
        """Open the teacher.

        Raises:
            ConfigError: no teacher, or one over label maps of another size than the student's images.
        """
        super().setup(stage)
        if stage == "fit" and isinstance(self.teacher, SegTeacher):
            own, found = self.transform.preprocessing, self.teacher.model.config.preprocessing
            if (own.height_px, own.width_px) != (found.height_px, found.width_px):
                raise ConfigError(
                    f"the teacher looks at label maps of {found.height_px}x{found.width_px}, the student trains on "
                    f"images of {own.height_px}x{own.width_px} (height x width)",
                    "Give both the same size in `preprocessing`",
                )

    def lesson_source(self) -> LessonSource:
        """Rank the pairs where that has not been done, and say what the teacher says of them."""
        if isinstance(self.teacher, ImageTeacher) and self._answers is None:
            self._answers = self._of_teacher()
        if self._graded is None:
            self._graded = GradedPairs(self._rank(), self.weights)
            self._tell()
        if isinstance(self.teacher, ImageTeacher):
            return LessonSource(self._graded, self._answers)
        joint = JointTransform(self.preprocessing, self.augmentation, self.train_size_px)
        return LessonSource(self._graded, None, self.teacher.labels, joint)

    def state_dict(self) -> dict[str, Any]:
        """Return the ranks beside what the data module keeps anyway."""
        lessons = {} if self._graded is None else {"lessons": self._graded.lessons.state_dict()}
        return {**super().state_dict(), **lessons}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the ranks that training began with.

        Raises:
            TrainingError: the state is of other training data, or of another teacher.
        """
        rest = dict(state_dict)
        lessons = Lessons.restored(rest.pop("lessons"), len(self.pairs.queries), self.teacher.sha256)
        self._graded = GradedPairs(lessons, self.weights)
        super().load_state_dict(rest)

    def _find_pairs(self) -> TrainingPairs:
        raise NotImplementedError

    def _rank(self) -> Lessons:
        teacher = _sides(self._answers or self._of_teacher())
        model: Any = self._trainer().lightning_module.model
        described = {
            name: describe_images(model, images, self.preprocessing, self.loader)
            for name, images in self.pairs.lists.items()
        }
        student, watched = _sides(described), self.watched_pairs
        found = [
            ranked
            for branch in (teacher, student)
            for ranked in (
                self.pairs.ranks(*branch),
                watched.ranks(branch[0][watched.queries], branch[1][watched.database]),
            )
        ]
        return Lessons(found[0], found[2], found[1], found[3], self.teacher.sha256)

    def _of_teacher(self) -> dict[str, DescriptorArray]:
        folder = Path(self._trainer().default_root_dir) / "teacher"
        device = self._trainer().lightning_module.device
        with self._one_after_the_other():
            return {
                name: self.teacher.describe(images, folder, name, self.loader, device)
                for name, images in self.pairs.lists.items()
            }

    @contextmanager
    def _one_after_the_other(self) -> Iterator[None]:
        """What a teacher of images answers is written by one process and read by the others."""
        alone = isinstance(self.teacher, ImageTeacher)
        trainer = self._trainer()
        if alone and not trainer.is_global_zero:
            trainer.strategy.barrier()
        yield
        if alone and trainer.is_global_zero:
            trainer.strategy.barrier()

    def _tell(self) -> None:
        partition = self.graded.partition
        shares = ", ".join(f"{name} {100 * partition.share(name):.1f} %" for name in ("D1", "D2", "D3", "D4"))
        say(f"{int(partition.ranked.sum())} training pairs: {shares} (threshold {partition.threshold})")
        nothing = said_if_nothing_is_distilled(partition, self.weights)
        for warning in filter(None, (nothing, said_if_the_student_knows_better(partition))):
            say(f"warning: {warning}", file=sys.stderr)


class TaughtTuples(TaughtData, TupleDataModule):
    """``TupleDataModule`` with a teacher; ``mining.only_violating: false`` lets every pair take part."""

    def _find_pairs(self) -> TrainingPairs:
        return pairs_of_tuples(self.images, self.miner)

    def batches(self) -> TaughtTupleBatches:
        """What makes a batch of mined tuples."""
        return TaughtTupleBatches(self.lesson_source(), self.images, self.transform, self.mining.negatives)


class TaughtPlaces(TaughtData, PlaceDataModule):
    """``PlaceDataModule`` with a teacher."""

    def _find_pairs(self) -> TrainingPairs:
        return pairs_of_places(self.places)

    def batches(self) -> TaughtPlaceBatches:
        """What makes a batch of draws."""
        return TaughtPlaceBatches(self.lesson_source(), self.places, self.transform)


def _sides(described: dict[str, DescriptorArray]) -> tuple[DescriptorArray, DescriptorArray]:
    """Queries and database."""
    if "images" in described:
        return described["images"], described["images"]
    return described["queries"], described["database"]
