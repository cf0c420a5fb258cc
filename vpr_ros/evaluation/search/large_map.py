# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map of as many frames as one likes, written as ``build_map`` writes one, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from vpr_ros.core.evidence import EVIDENCE_TOP_K
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.growing_array import GrowingArray
from vpr_ros.mapping.likeness import Likeness, hardest_steps
from vpr_ros.maps.descriptor_file import DtypeName
from vpr_ros.maps.frame_table import FrameRow, write_frame_numbers, write_frame_table
from vpr_ros.maps.manifest import MANIFEST_NAME, MapManifest
from vpr_ros.maps.manifest_parts import FileEntry, SessionEntry
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, FRAMES_NAME
from vpr_ros.maps.search import exact_search

Float = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

STREET_M: Final = 1000
"""The track goes up one street and down the next, a frame a metre."""
NEXT_STREET_M: Final = 50
RIGHT_WITHIN: Final = 5
"""Frames: an answer so near is the place that was asked for."""
WANTED_RIGHT: Final = 0.85
"""Share of questions to which an exact search finds the place: harder than that it says little of the index."""


@dataclass(frozen=True, eq=False)
class LargeMap:
    """What was written.

    Attributes:
        folders: of one map, by the type of its numbers.
        rows: (Q,) frames that are asked for.
        queries: (Q, D) what is seen there another day.
        best: (Q, 20) the frames that look most like it, by all descriptors.
    """

    folders: dict[DtypeName, Path]
    rows: IntArray
    queries: Float
    best: IntArray

    @property
    def right(self) -> float:
        """Share of questions to which all descriptors give the right place."""
        return float(np.mean(np.abs(self.best[:, 0] - self.rows) <= RIGHT_WITHIN))


def write_large_map(
    folder: Path, like: MapManifest, likeness: Likeness, frames: int, questions: int, dtypes: tuple[DtypeName, ...]
) -> LargeMap:
    """Write a map of *frames* frames into a folder inside *folder* for each of *dtypes*, and find out its answers.

    Args:
        folder: where there is room.
        like: of the real map; model and calibration are its.
        likeness: of its descriptors.
        frames: how many.
        questions: how many.
        dtypes: of the descriptors on disk; the answers are those of the first.
    """
    rng = np.random.default_rng(frames)
    folders = {dtype: folder / f"{frames}_{dtype}" for dtype in dtypes}
    rows = np.sort(rng.choice(frames, min(questions, frames), replace=False))
    numbers = np.concatenate(list(_write_descriptors(folders, likeness, frames, rows, rng)))
    for dtype, path in folders.items():
        write_frame_table(path / FRAMES_NAME, _rows(frames))
        of_table = write_frame_numbers(path / FRAMES_NAME, frames)
        session = SessionEntry("a track", "2026-01-01T00:00:00+00:00", frames, (like.cameras[0].name,), {}, "", "map")
        manifest = replace(
            like,
            calibration=replace(like.calibration, radius_m=float(RIGHT_WITHIN)),  # frames are a metre apart
            model=replace(like.model, descriptor_dim=len(likeness.mean)),
            frames=frames,
            dtype=dtype,
            sessions=(session,),
            cameras=like.cameras[:1],
            files={name: FileEntry.of(path / name) for name in (*of_table, DESCRIPTORS_NAME)},
            thumbnails=0,
            thumbnails_sha256="",
            local=None,
            drives=(),
            restated=None,
            index=None,
        )
        (path / MANIFEST_NAME).write_text(manifest.to_yaml(), encoding="utf-8")
    first = folders[dtypes[0]] / DESCRIPTORS_NAME
    descriptors = np.load(first, mmap_mode="r")
    queries = _hard_enough(descriptors, likeness, rows, numbers, rng)
    return LargeMap(folders, rows, queries, exact_search(descriptors, queries, EVIDENCE_TOP_K).indices)


def _write_descriptors(
    folders: dict[DtypeName, Path], likeness: Likeness, frames: int, rows: IntArray, rng: np.random.Generator
) -> Iterator[Float]:
    """Write them, and give the numbers that those of *rows* were made of."""
    arrays = []
    for dtype, path in folders.items():
        path.mkdir(parents=True)
        arrays.append(GrowingArray(path / DESCRIPTORS_NAME, (len(likeness.mean),), dtype, None))
    try:
        for array in arrays:
            array.start()
        start = 0
        for numbers in likeness.drive(frames, rng):
            described = likeness.descriptors(numbers)
            for array in arrays:
                array.add(described)
            yield numbers[rows[(rows >= start) & (rows < start + len(numbers))] - start]
            start += len(numbers)
        for array in arrays:
            array.finish(frames)
    finally:
        for array in arrays:
            array.close()


def _rows(frames: int) -> Iterator[FrameRow]:
    for number in range(frames):
        street, along_m = divmod(number, STREET_M)
        x_m = along_m if street % 2 == 0 else STREET_M - along_m
        quat_xyzw = (0.0, 0.0, 0.0, 1.0) if street % 2 == 0 else (0.0, 0.0, 1.0, 0.0)
        pose = Pose((float(x_m), float(street * NEXT_STREET_M), 0.0), quat_xyzw)
        yield FrameRow(number * 100_000_000, 0, 0, pose, f"{number:07d}")


def _hard_enough(
    descriptors: npt.NDArray[np.float16], likeness: Likeness, rows: IntArray, numbers: Float, rng: np.random.Generator
) -> Float:
    """What is seen again, changed by as much as leaves an exact search ``WANTED_RIGHT``."""
    some = rng.choice(len(rows), min(100, len(rows)), replace=False)

    def right(steps: float) -> float:
        found = exact_search(descriptors, likeness.seen_again(numbers[some], steps, rng), 1).indices[:, 0]
        return float(np.mean(np.abs(found - rows[some]) <= RIGHT_WITHIN))

    return likeness.seen_again(numbers, hardest_steps(right, WANTED_RIGHT), rng)


ALL_DTYPES: Final[tuple[DtypeName, ...]] = get_args(DtypeName)
