# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The data of a SEG branch's own training: everything as for images, with their label maps in their place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.training.data_module import RecipeData
from vpr_ros.training.image_sets import ImageList, PlaceImages, RetrievalSet, TupleImages
from vpr_ros.training.labels.joint_transform import JointTransform
from vpr_ros.training.labels.label_maps import LabelMaps
from vpr_ros.training.labels.labelled_images import LabelledImages
from vpr_ros.training.labels.sources import LabelSource
from vpr_ros.training.metric_learning import PlaceDataModule
from vpr_ros.training.progress import no_update, say
from vpr_ros.training.structvpr.label_input import (
    LabelPreprocessing,
    LabelTransform,
    check_channels,
    group_weights,
)
from vpr_ros.training.triplet_training import TupleDataModule


class LabelData(RecipeData):
    """Label maps wherever the recipe names images.

    Args:
        labels: where the maps come from; those of the validation images too.
        recipe: see ``RecipeData``.
    """

    def __init__(self, *, labels: LabelSource, **recipe: Any) -> None:
        super().__init__(**recipe)
        self.label_source = labels
        self._labels: LabelMaps | None = None

    @property
    def labels(self) -> LabelMaps:
        """The label maps, opened when first asked for."""
        if self._labels is None:
            self._labels = self.label_source.open()
        return self._labels

    def prepare_data(self) -> None:
        """Load every training image and its map once, so that what is wrong with one shows before training.

        A segmenter's maps are on disk afterwards, where the workers find them.

        Raises:
            VprError: see ``LabelledImages.load``.
        """
        super().prepare_data()
        for images in self._training_images():
            say(f"label maps of {len(images)} images ...")
            shares = LabelledImages(images, self.labels).make(no_update)
            say(", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items()))

    def _training_images(self) -> list[ImageList]:
        """The lists that are trained on, as the recipe names them."""
        raise NotImplementedError

    def setup(self, stage: str) -> None:
        """Check the model.

        Raises:
            ConfigError: it is no SEG branch over these groups.
        """
        super().setup(stage)
        check_channels(self._trainer().lightning_module.model.backbone, self.labels)

    @property
    def validation_sets(self) -> list[RetrievalSet]:
        """The validation sets as label maps."""
        return [
            replace(task, database=self._labelled(task.database), queries=self._labelled(task.queries))
            for task in super().validation_sets
        ]

    @property
    def preprocessing(self) -> Preprocessing:
        """Of the SEG branch."""
        return LabelPreprocessing.beside(super().preprocessing, self.labels)

    @property
    def transform(self) -> Any:
        """Of training maps."""
        joint = JointTransform(super().preprocessing, self.augmentation, self.train_size_px)
        return LabelTransform(joint, group_weights(self.labels))

    def _labelled(self, images: ImageList) -> Any:
        """Pairs of image and map, which the transforms of this class take for images."""
        return LabelledImages(images, self.labels)


class LabelTuples(LabelData, TupleDataModule):
    """``TupleDataModule`` over label maps."""

    def _training_images(self) -> list[ImageList]:
        found = super().images
        return [found.queries, found.database]

    @property
    def images(self) -> TupleImages:
        """The training maps."""
        found = super().images
        return replace(found, queries=self._labelled(found.queries), database=self._labelled(found.database))


class LabelPlaces(LabelData, PlaceDataModule):
    """``PlaceDataModule`` over label maps."""

    def _training_images(self) -> list[ImageList]:
        return [super().places.images]

    @property
    def places(self) -> PlaceImages:
        """The training maps."""
        found = super().places
        return replace(found, images=self._labelled(found.images))
