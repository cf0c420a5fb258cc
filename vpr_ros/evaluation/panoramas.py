# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Rank panoramas instead of their crops, as Tokyo 24/7 is evaluated (docs/methods.md 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpr_ros.core.errors import ConfigError
from vpr_ros.evaluation.positives import IntArray
from vpr_ros.evaluation.recall import RECALL_RANKS
from vpr_ros.localization import LocalizerConfig
from vpr_ros.sources.vpr_names import panorama_of_name


@dataclass(frozen=True, eq=False)
class Panoramas:
    """Which panorama each of N map frames is a crop of.

    Attributes:
        of_frame: (N,) int64, panoramas numbered from 0.
    """

    of_frame: IntArray

    @classmethod
    def of_names(cls, names: Sequence[str]) -> Panoramas:
        """Read them from the names of the map's frames.

        Raises:
            ConfigError: a name does not say of which panorama it is.
        """
        panoramas = [panorama_of_name(Path(name)) for name in names]
        if "" in panoramas:
            raise ConfigError(
                f"the map frame {names[panoramas.index('')]} does not say of which panorama it is a crop",
                "Name the images @utm_east@utm_north@zone@letter@lat@lon@panorama@... as VPR-datasets-downloader does, "
                "or evaluate without --per-panorama",
            )
        return cls(np.unique(panoramas, return_inverse=True)[1].astype(np.int64))

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.of_frame.max()) + 1

    @property
    def most_crops(self) -> int:
        """Crops of the panorama that has most of them."""
        return int(np.bincount(self.of_frame).max())

    def frames_to_retrieve(self) -> int:
        """So many frames hold as many panoramas as recall is counted for, whichever they are.

        Raises:
            ConfigError: more than the localizer retrieves.
        """
        try:
            return LocalizerConfig(top_k=self.most_crops * max(RECALL_RANKS)).top_k
        except ConfigError as error:
            raise ConfigError(
                f"a panorama of the map has {self.most_crops} crops, and {max(RECALL_RANKS)} times as many frames are "
                f"more than an image is compared with ({error.problem})",
                "Evaluate without --per-panorama",
            ) from error

    def best_crops(self, predictions: IntArray) -> IntArray:
        """Keep of each panorama the crop that comes first.

        Args:
            predictions: (Q, K) map indices, best first, -1 for none.

        Returns:
            (Q, K) the same without later crops, -1 at the end of each row.
        """
        kept = np.full_like(predictions, -1)
        for row, ranked in zip(kept, predictions, strict=True):
            found = ranked[ranked >= 0]
            first = np.sort(np.unique(self.of_frame[found], return_index=True)[1])
            row[: len(first)] = found[first]
        return kept
