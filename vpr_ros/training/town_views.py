# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The same views of simulated towns by day and under other skies, pixel for pixel.

No photograph shows one view twice with nothing moved; a renderer does. Descriptors of such views say which directions
light and season move along, and a whitening fitted with them scales these down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import TrainingError
from vpr_ros.simulation.render import Rendering
from vpr_ros.training.datasets.towns import TownDrives


@dataclass(frozen=True)
class TownViews:
    """Which towns, from where, and under which skies.

    Attributes:
        towns: seeds.
        conditions: names of presets.
        spacing_m: between two views.
        distance_m: of the drive through each town.
    """

    towns: Sequence[int]
    conditions: Sequence[str] = ("day", "night", "dusk", "winter", "fog")
    spacing_m: float = 12.0
    distance_m: float = 600.0

    def __post_init__(self) -> None:
        """Refuse nothing to look at.

        Raises:
            TrainingError: no town or no conditions.
        """
        if not self.towns or not self.conditions:
            raise TrainingError(
                f"{len(self.towns)} towns under {len(self.conditions)} conditions", "Name at least one of each"
            )


def render_views(
    views: TownViews, size_px: tuple[int, int], progress: Callable[[int, int], None]
) -> npt.NDArray[np.uint8]:
    """Render every view under every sky: (conditions, N, H, W, 3) uint8, one index is one pose.

    Args:
        views: see there.
        size_px: height and width.
        progress: hears of every town: its number from 1, and how many there are.

    Raises:
        ConfigError: unknown conditions.
    """
    columns = [np.stack([[r.image_rgb for r in row] for row in town]) for town in _towns(views, size_px, progress)]
    return np.concatenate(columns, axis=1)


def render_labelled_views(
    views: TownViews, size_px: tuple[int, int], progress: Callable[[int, int], None]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """What ``render_views`` returns, and (conditions, N, H, W) uint8, the ``Label`` of each pixel.

    Raises:
        ConfigError: unknown conditions.
    """
    images, labels = [], []
    for town in _towns(views, size_px, progress):
        rows = [[(r.image_rgb, r.label) for r in row] for row in town]
        images.append(np.stack([[image for image, _ in row] for row in rows]))
        labels.append(np.stack([[label for _, label in row] for row in rows]))
    return np.concatenate(images, axis=1), np.concatenate(labels, axis=1)


def _towns(
    views: TownViews, size_px: tuple[int, int], progress: Callable[[int, int], None]
) -> Iterator[list[Iterator[Rendering]]]:
    """Of each town and sky the views, rendered as they are asked for."""
    drives = TownDrives(views.spacing_m, views.distance_m, width_px=size_px[1], height_px=size_px[0])
    for number, seed in enumerate(views.towns):  # one after the other: each keeps its painted textures while it lives
        town = drives.town(seed)
        # One number for all conditions: it decides offset, traffic and noise, which must not differ here.
        sources = [drives.source(town, name, seed) for name in views.conditions]
        yield [map(source.rendering, range(len(source))) for source in sources]
        progress(number + 1, len(views.towns))
