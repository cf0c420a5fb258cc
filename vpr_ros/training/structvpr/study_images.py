# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the miniature sees: drives through simulated towns, each image with its label map, rendered once and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_ros.core.frames import ImageRgb
from vpr_ros.evaluation.positives import Positives
from vpr_ros.training.appearance import AppearanceRange, change_appearance
from vpr_ros.training.datasets.towns import ForgettableDrive, TownDrives, TownMemory, TownRetrieval
from vpr_ros.training.delg.kept_images import KeptImages
from vpr_ros.training.image_sets import ImageList, IndexArray
from vpr_ros.training.labels.grouping import read_grouping
from vpr_ros.training.labels.labelled_images import LabelledImages
from vpr_ros.training.labels.one_hot import weighted_one_hot
from vpr_ros.training.labels.own_labels import OwnLabels
from vpr_ros.training.place_grid import PlaceGrid
from vpr_ros.training.posed_images import posed_images
from vpr_ros.training.progress import ShowProgress
from vpr_ros.training.structvpr.miniature import Look, TrainingViews
from vpr_ros.training.structvpr.pairs import TrainingPairs
from vpr_ros.training.study.tokens import FIRST_TEST_TOWN, NOT_SEEN, SAME_TOWN
from vpr_ros.training.tuple_positions import Placement, TupleRule, positives_and_non_negatives

RgbLabel = npt.NDArray[np.uint8]
"""(N, H, W, 4): red, green, blue, group."""
RgbImages = npt.NDArray[np.uint8]
"""(N, H, W, 3), or with more channels behind, which nobody looks at."""

LIGHTS = 4
APPEARANCE = AppearanceRange(night=0.4)

RULE = TupleRule(positive_radius_m=5.0, negative_radius_m=10.0, max_heading_rad=float(np.deg2rad(45)))
"""As close as the answers of the tests must be; another drive's images only."""
VALIDATION_TOWN = 500
_APART_M = 1e6
_GROUPING = "towns"


@dataclass(frozen=True, eq=False)
class TrainingDrives:
    """All training images.

    Attributes:
        images: (N, H, W, 4).
        lights: the images (N, H, W, 3) in other lights that a picture by day can be brought into.
        pairs: every image asked among those of the other drives.
        rows, place_ids, groups: see ``TrainingViews``.
    """

    images: RgbLabel
    lights: tuple[RgbImages, ...]
    pairs: TrainingPairs
    rows: IndexArray
    place_ids: IndexArray
    groups: IndexArray

    def views(self, look: Callable[[RgbLabel, Sequence[RgbImages]], Look]) -> TrainingViews:
        """As a branch sees them."""
        return TrainingViews(look(self.images, self.lights), self.rows, self.place_ids, self.groups)


@dataclass(frozen=True, eq=False)
class TownTask:
    """One column of the table in one town.

    Attributes:
        column: its title.
        database, queries: (N, H, W, 4).
        positives: right database images of each query.
    """

    column: str
    database: RgbLabel
    queries: RgbLabel
    positives: Positives


def rgb_look(images: RgbLabel, lights: Sequence[RgbImages] = ()) -> Look:
    """What the student sees, each image by its own mean and contrast; in training in any of its *lights* too."""
    versions = (images, *lights)

    def look(numbers: IndexArray, light: torch.Generator | None) -> Tensor:
        if light is None:
            chosen = images[numbers, :, :, :3]
        else:
            drawn = torch.randint(len(versions), (len(numbers),), generator=light).tolist()
            chosen = np.stack([versions[version][n, :, :, :3] for version, n in zip(drawn, numbers, strict=True)])
        seen = torch.from_numpy(chosen).permute(0, 3, 1, 2).float() / 255.0
        mean, contrast = seen.mean(dim=(1, 2, 3), keepdim=True), seen.std(dim=(1, 2, 3), keepdim=True)
        return (seen - mean) / (contrast + 0.02)

    return look


def label_weights() -> tuple[float, ...]:
    """Of the groups of labels, one for each channel that the teacher sees."""
    return tuple(group.weight for group in read_grouping(_GROUPING).groups)


def label_look(images: RgbLabel, lights: Sequence[RgbImages] = ()) -> Look:
    """What the teacher sees, whatever the *lights*."""
    del lights
    weights = label_weights()

    def look(numbers: IndexArray, light: torch.Generator | None) -> Tensor:
        del light
        return weighted_one_hot(torch.from_numpy(images[numbers, :, :, 3]), weights)

    return look


def training_drives(
    kept: KeptImages, drives: TownDrives, towns: int, conditions: Sequence[str], per_place: int, progress: ShowProgress
) -> TrainingDrives:
    """Drive through each town once for each of *conditions*, all by day.

    Raises:
        TrainingError: damaged images on disk, or a disk that refuses.
    """
    parts, positions, headings, stamps = [], [], [], []
    lights: list[list[RgbImages]] = [[] for _ in range(LIGHTS)]
    for town in range(towns):  # one after the other: a town keeps its painted textures while it lives
        memory = TownMemory(drives, 1)
        sources = [ForgettableDrive(memory, town, name, number) for number, name in enumerate(conditions)]
        posed = posed_images(sources)
        with progress(f"training town {town}") as update:
            parts.append(kept.of(f"train_{town}", _WithLabels(posed.images), update))
            for number, light in enumerate(lights):
                light.append(kept.of(f"train_{town}_{number}", _InOtherLight(parts[-1], number), update))
        positions.append(posed.position_m + np.array([_APART_M * town, 0.0, 0.0]))
        headings.append(posed.heading_rad)
        stamps.append(np.repeat(np.arange(len(sources)), [len(source) for source in sources]))
    placement = Placement(np.concatenate(positions), np.concatenate(headings), np.concatenate(stamps))
    images = np.concatenate(parts)
    positives, non_negatives = positives_and_non_negatives(placement, placement, RULE)
    numbers = _Numbers(len(images))
    pairs = TrainingPairs(numbers, numbers, positives, non_negatives.__getitem__)
    place_ids, groups = PlaceGrid(cell_m=10.0).label(placement)
    rows = np.flatnonzero(np.bincount(place_ids)[place_ids] >= per_place)
    changed = tuple(np.concatenate(light) for light in lights)
    return TrainingDrives(images, changed, pairs, rows, place_ids[rows], groups[rows])


def measured_tasks(
    kept: KeptImages, drives: TownDrives, towns: int, test_towns: int, progress: ShowProgress
) -> list[TownTask]:
    """New drives by day through towns that were trained on, and through others by day, by night and in winter."""
    asked = [(town, SAME_TOWN, "day") for town in range(min(towns, test_towns))]
    for town in range(FIRST_TEST_TOWN, FIRST_TEST_TOWN + test_towns):
        asked += [(town, column, conditions) for column, conditions in NOT_SEEN.items()]
    return _tasks(kept, drives, asked, progress)


def validation_tasks(kept: KeptImages, drives: TownDrives, progress: ShowProgress) -> list[TownTask]:
    """One more town, for choosing numbers and for seeing whether training has come to its end."""
    asked = [(VALIDATION_TOWN, column, conditions) for column, conditions in NOT_SEEN.items()]
    return _tasks(kept, drives, asked, progress)


def _tasks(
    kept: KeptImages, drives: TownDrives, asked: Sequence[tuple[int, str, str]], progress: ShowProgress
) -> list[TownTask]:
    memory, tasks = TownMemory(drives, 1), []
    databases: dict[int, RgbLabel] = {}
    for town, column, conditions in asked:
        task = TownRetrieval(town, "day", conditions, drives, name=column).open(memory).checked()
        with progress(f"{column}, town {town}") as update:
            if town not in databases:  # the same drive whatever is asked of it
                databases[town] = kept.of(f"map_{town}", _WithLabels(task.database), update)
            queries = kept.of(f"queries_{town}_{conditions}", _WithLabels(task.queries), update)
        tasks.append(TownTask(column, databases[town], queries, task.positives))
    return tasks


class _WithLabels:
    """An image list with the group of each pixel as a fourth channel."""

    def __init__(self, images: ImageList) -> None:
        self._labelled = LabelledImages(images, OwnLabels(read_grouping(_GROUPING)))

    def __len__(self) -> int:
        return len(self._labelled)

    def name(self, index: int) -> str:
        return self._labelled.name(index)

    def load(self, index: int) -> ImageRgb:
        image_rgb, groups = self._labelled.load(index)
        return np.concatenate([image_rgb, groups[..., None]], axis=2)


class _InOtherLight:
    """Images by day as they might look at another time: made once, or the light would take longer than the step.

    Args:
        images: (N, H, W, 4).
        number: another number, another light of each image.
    """

    def __init__(self, images: RgbLabel, number: int) -> None:
        self._images = images
        self._number = number

    def __len__(self) -> int:
        return len(self._images)

    def name(self, index: int) -> str:
        return str(index)

    def load(self, index: int) -> ImageRgb:
        generator = torch.Generator().manual_seed(index * LIGHTS + self._number)
        seen = torch.from_numpy(self._images[index : index + 1, :, :, :3]).permute(0, 3, 1, 2).float() / 255.0
        changed = change_appearance(seen, APPEARANCE, generator)
        bytes_rgb = (255.0 * changed[0].permute(1, 2, 0)).round().to(torch.uint8).numpy()
        return np.ascontiguousarray(bytes_rgb)  # as it is read back: convolutions round by the layout in memory


class _Numbers:
    """As many images as are asked for by number alone."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def name(self, index: int) -> str:
        return str(index)

    def load(self, index: int) -> ImageRgb:
        raise AssertionError(f"image {index} lies in an array")
