# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Make the index of a map from its descriptors: train, add, ask the map's own frames, write."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

from vpr_ros.core.disk import held
from vpr_ros.core.errors import MapError
from vpr_ros.mapping.evenly import evenly
from vpr_ros.mapping.index_choice import AUTO, IndexPlan, index_plans
from vpr_ros.mapping.index_progress import ADDING, LISTS, QUESTIONS, TRYING, IndexProgress
from vpr_ros.mapping.index_recall import IndexQuestions
from vpr_ros.mapping.remote.index_map import index_remotely
from vpr_ros.mapping.upkeep import check_not_replaced
from vpr_ros.mapping.usable_frames import Progress
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.index_entry import INDEX_NAME, IndexEntry
from vpr_ros.maps.manifest import rewrite_manifest
from vpr_ros.maps.manifest_parts import FileEntry
from vpr_ros.maps.place_map import DESCRIPTORS_NAME, PlaceMap
from vpr_ros.maps.remote.address import is_remote
from vpr_ros.maps.search import FloatRows, as_float32

TRAINING_BYTES: Final = 512 << 20
TRAINED_PER_LIST: Final = 32
ITERATIONS: Final = 10
"""To find lists; as many as faiss makes."""
BLOCK_BYTES: Final = 64 << 20
QUESTION_BITS: Final = 3
"""Of each number of a question to RaBitQ codes. Of a million frames 3 find 96.2 % of the most similar twenty, faiss's 4
96.6 % in a quarter more time, and 2 find 83 %."""
NEW_NAME: Final = f"{INDEX_NAME}.new"


def write_index(
    place_map: PlaceMap, folder: Path, asked: str, wanted_recall: float, progress: Progress | None = None
) -> IndexEntry | None:
    """Write ``index.faiss`` into *folder*, and say what the manifest is to say of it; None where nothing is to be said.

    Args:
        place_map: frames and descriptors.
        folder: where they lie.
        asked: see ``index_plans``.
        wanted_recall: share of questions whose most similar frame is to be found.
        progress: told of all stages as one, see ``IndexProgress``.

    Raises:
        ConfigError: see ``index_plans``.
        OSError: the disk refused; an index that was there is as it was.
    """
    return _put(folder, *_made(place_map, asked, wanted_recall, progress))


def index_as_before(
    made: PlaceMap,
    base: PlaceMap | None,
    asked: str | None = None,
    wanted_recall: float | None = None,
    progress: Progress | None = None,
) -> IndexEntry | None:
    """Write the index of *made* into its folder: as asked, else of the kind that the map it comes from was made with.

    Raises:
        ConfigError, OSError: see ``write_index``.
    """
    before = (None if base is None else base.manifest.index) or IndexEntry("exact", AUTO)
    asked = before.asked if asked is None else asked
    wanted_recall = before.wanted_recall if wanted_recall is None else wanted_recall
    return write_index(made, made.path, asked, wanted_recall, progress)


def reindex(path: Path, asked: str | None, wanted_recall: float | None, progress: Progress | None = None) -> PlaceMap:
    """Make the index of the map in *path* anew from its descriptors, and open it; None asks for what it had.

    Killed, it leaves a map that opens: with the old index, or with none and a word about it.

    Raises:
        MapError: the map does not open, or cannot be written; or the server that was asked for cannot have it.
        ConfigError: see ``index_plans``.
    """
    place_map = PlaceMap.open(path)
    _ = place_map.descriptors  # a map that has them on a server alone keeps that one: it would not open without
    before = place_map.manifest.index or IndexEntry("exact", AUTO)
    if is_remote(asked or before.asked):
        index_remotely(place_map, asked or before.asked, wanted_recall or before.wanted_recall, progress)
        (path / INDEX_NAME).unlink(missing_ok=True)
        return PlaceMap.open(path)
    codes, entry = _made(
        place_map,
        before.asked if asked is None else asked,
        before.wanted_recall if wanted_recall is None else wanted_recall,
        progress,
    )
    try:
        with held(path):
            check_not_replaced(place_map)
            noted = _put(path, codes, entry)
            rewrite_manifest(path, sealed=True, index=None if noted is None else noted.to_dict())
    except OSError as error:
        raise MapError(
            f"{error.filename or path} cannot be written ({error.strerror or error})",
            "Check the disk, and that you may write there",
        ) from error
    return PlaceMap.open(path)


def _made(
    place_map: PlaceMap, asked: str, wanted_recall: float, progress: Progress | None
) -> tuple[Any | None, IndexEntry]:
    """The first of the planned indexes that finds enough; None for an exact search."""
    plans = index_plans(asked, len(place_map))
    questions = None
    for plan in plans:
        if plan.kind == "exact":
            break
        training = _training_rows(place_map.descriptors.shape, plan)
        told = IndexProgress(progress, plan, place_map.descriptors.shape, len(training), ITERATIONS)
        questions = questions or IndexQuestions(place_map, partial(told.tell, QUESTIONS))
        codes = _codes(place_map.descriptors, plan, training, told)
        entry = IndexEntry(plan.kind, asked, plan.method, wanted_recall=wanted_recall)
        entry = questions.fitted(codes, entry)
        told.tell(TRYING, 1.0)
        if plan is plans[-1] or entry.recall is None or entry.recall >= wanted_recall:
            return codes, replace(entry, descriptors_sha256=place_map.manifest.files[DESCRIPTORS_NAME].sha256)
    return None, IndexEntry("exact", asked, wanted_recall=wanted_recall)


def _training_rows(shape: tuple[int, int], plan: IndexPlan) -> npt.NDArray[np.int64]:
    """Which descriptors are learned from."""
    rows, dim = shape
    most = TRAINING_BYTES // (4 * dim)
    return evenly(rows, max(1, min(most, TRAINED_PER_LIST * plan.lists) if plan.lists else most))


def _codes(descriptors: Descriptors, plan: IndexPlan, training: npt.NDArray[np.int64], told: IndexProgress) -> Any:
    """A faiss index of all *descriptors*."""
    rows, dim = descriptors.shape
    codes: Any = faiss.index_factory(dim, plan.method, faiss.METRIC_INNER_PRODUCT)
    learned_from = as_float32(descriptors[training])
    if plan.lists:
        _find_lists(codes, learned_from, told)
    codes.train(learned_from)
    del learned_from
    together = max(1, BLOCK_BYTES // (4 * dim))
    for start in range(0, rows, together):
        codes.add(as_float32(descriptors[start : start + together]))
        told.tell(ADDING, min(1.0, (start + together) / rows))
    if hasattr(codes, "qb"):
        codes.qb = QUESTION_BITS
    return codes


def _find_lists(codes: Any, rows: FloatRows, told: IndexProgress) -> None:
    """As ``train`` of *codes* would, to the bit; but that says nothing until all iterations are done."""
    codes.cp.niter = 1
    codes.cp.min_points_per_centroid = 1  # faiss warns below 39; half as many cost no recall
    clustering: Any = faiss.Clustering(codes.d, codes.nlist, codes.cp)
    for number in range(ITERATIONS):
        clustering.train(rows, codes.quantizer)  # begins with the centroids it has
        told.tell(LISTS, (number + 1) / ITERATIONS)


def _put(folder: Path, codes: Any | None, entry: IndexEntry) -> IndexEntry | None:
    """Write the file beside, then give it its name; nothing is left there of whoever was killed in between.

    Returns:
        what the manifest is to say.
    """
    new = folder / NEW_NAME
    try:
        if codes is None:
            (folder / INDEX_NAME).unlink(missing_ok=True)
            return None if entry.asked == AUTO else entry
        content = faiss.serialize_index(codes)
        with new.open("wb") as stream:
            stream.write(content.data)
            stream.flush()
            os.fsync(stream.fileno())
        entry = replace(entry, file=FileEntry.of(new))
        new.replace(folder / INDEX_NAME)
    finally:
        new.unlink(missing_ok=True)
    return entry
