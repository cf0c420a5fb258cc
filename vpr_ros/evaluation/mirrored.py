# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Every query once more, its left and right exchanged: a mirrored picture of a place is another place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from vpr_ros.core.frames import CameraMount, FrameRecord, FrameSource, GeoDatum, ImageRgb
from vpr_ros.evaluation.binomial import share_figures
from vpr_ros.evaluation.outcome import Outcomes
from vpr_ros.localization.match_geometry import Verdict


@dataclass(frozen=True, eq=False)
class MirroredSource:
    """A recording whose images are flipped; its cameras stay what they are, for a robot knows nothing of it."""

    source: FrameSource

    @property
    def map_frame_id(self) -> str:
        """The frame the poses are given in."""
        return self.source.map_frame_id

    @property
    def cameras(self) -> Mapping[str, CameraMount]:
        """Every camera of the source by name."""
        return self.source.cameras

    @property
    def datum(self) -> GeoDatum | None:
        """Origin of the local frame when the poses came from GPS."""
        return self.source.datum

    @property
    def is_drive(self) -> bool:
        """Whether each frame follows the one before along a drive."""
        return self.source.is_drive

    @property
    def description(self) -> str:
        """One line for logs, manifests and reports."""
        return f"{self.source.description}, mirrored"

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[FrameRecord]:
        for record in self.source:
            yield replace(record, load_image=partial(_flipped, record), load_depth_m=None)


def _flipped(record: FrameRecord) -> ImageRgb:
    return np.ascontiguousarray(record.load_image()[:, ::-1])


def mirrored_figures(mirrored: Outcomes) -> dict[str, Any]:
    """The key ``mirrored`` of ``metrics.json``."""
    accepted = int(mirrored.accepted.sum())
    looks = [row.answer.matches[0].geometry for row in mirrored.rows if row.answer.matches]
    return {
        "queries": len(mirrored),
        "accepted": accepted,
        **share_figures("accepted_share", accepted, len(mirrored)),
        "verified": sum(look is not None and look.verdict is Verdict.VERIFIED for look in looks),
    }
