# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A search that reads a short code of every descriptor, or of those in a few inverted lists, and compares the best.

The codes are faiss's: RaBitQ (Gao and Long, SIGMOD 2024), one bit of each number, where faiss has it. They only pick
candidates; what is returned are cosines of the stored descriptors.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import MapError
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.frame_index import IndexKind
from vpr_ros.maps.index_entry import INDEX_NAME, IndexEntry, reindex_remedy
from vpr_ros.maps.manifest_parts import FileEntry
from vpr_ros.maps.map_files import DAMAGED, map_errors, map_file, short
from vpr_ros.maps.search import SearchResult, as_float32, best_rows, exact_search

CANDIDATES_PER_ANSWER: Final = 5
FEW_ALLOWED: Final = 5000
"""Up to here every descriptor that is allowed is asked, which costs no more than codes and candidates do."""
TYPES: Final[dict[str, tuple[str, ...]]] = {
    "compressed": ("IndexRaBitQ", "IndexScalarQuantizer"),
    "lists": ("IndexIVFRaBitQ", "IndexIVFScalarQuantizer"),
}
"""Of faiss. None of another type is made, and none is taken from a file."""
HAS_SELECTORS: Final = hasattr(faiss, "SearchParametersIVF")
"""Whether faiss searches among some rows only (1.7.3 and later)."""


class CompressedIndex:
    """Codes of all descriptors in memory, the descriptors themselves where they are. Safe to use from several threads.

    Attributes:
        kind: "compressed" or "lists".
        fault: None, see ``FrameIndex``.
    """

    def __init__(self, codes: Any, entry: IndexEntry, descriptors: Descriptors) -> None:
        """Search.

        Args:
            codes: a faiss index of these descriptors, see ``read_codes``.
            entry: how it is to be searched.
            descriptors: (N, D) float32 or float16, rows of unit length.
        """
        self.kind: IndexKind = entry.kind
        self.fault: MapError | None = None
        self._codes, self._entry, self._descriptors = codes, entry, descriptors
        if entry.kind == "lists":
            codes.nprobe = entry.nprobe

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64] | None = None
    ) -> SearchResult:
        """See ``FrameIndex``; where codes give fewer than there are, every descriptor is asked."""
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if allowed is not None and (len(allowed) <= FEW_ALLOWED or not HAS_SELECTORS):
            return exact_search(self._descriptors, queries, k, allowed)
        wanted = min(len(self._descriptors), max(self._entry.candidates, CANDIDATES_PER_ANSWER * k))
        if allowed is None:
            _, candidates = self._codes.search(queries, wanted)
        else:
            _, candidates = self._among(queries, min(wanted, len(allowed)), allowed)
        count = min(k, len(self._descriptors) if allowed is None else len(allowed))
        indices = np.empty((len(queries), count), np.int64)
        similarities = np.empty((len(queries), count), np.float32)
        for number, (query, picked) in enumerate(zip(queries, candidates, strict=True)):
            rows = np.sort(picked[(picked >= 0) & (picked < len(self._descriptors))])
            if len(rows) < count:
                found = exact_search(self._descriptors, query[None], k, allowed)
                indices[number], similarities[number] = found.indices[0], found.similarities[0]
                continue
            cosines = as_float32(self._descriptors[rows]) @ query
            best = best_rows(cosines, count)
            indices[number], similarities[number] = rows[best], cosines[best]
        return SearchResult(indices, similarities)

    def over(self, descriptors: Descriptors) -> CompressedIndex:
        """See ``FrameIndex``."""
        return CompressedIndex(self._codes, self._entry, descriptors)

    def state(self) -> dict[str, str]:
        """See ``FrameIndex``."""
        return {"index": self._entry.words}

    def _among(self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64]) -> Any:
        """Search codes of the *allowed* rows alone, in as many more lists as fewer of their rows count."""
        mask = np.zeros(len(self._descriptors), dtype=bool)
        mask[allowed] = True
        bits: Any = np.packbits(mask, bitorder="little")
        selector: Any = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg]  # its Python wrapper counts the bytes
        parameters = _parameters(type(self._codes).__name__)
        parameters.sel = selector
        if hasattr(parameters, "qb"):
            parameters.qb = self._codes.qb
        if self.kind == "lists":
            wider = -(-self._entry.nprobe * len(mask) // len(allowed))
            parameters.nprobe = min(int(self._codes.nlist), wider)
        return self._codes.search(queries, k, params=parameters)


def read_codes(folder: Path, entry: IndexEntry, shape: tuple[int, int]) -> Any:
    """Read ``index.faiss`` of the map in *folder*, which is to hold codes of *shape* (frames, dimensions).

    faiss's reader is not made for bytes that want to hurt, so it is given those alone whose hash the manifest has.

    Raises:
        MapError: it is missing, damaged, of another map, or this faiss cannot read it.
    """
    if entry.file is None:
        raise MapError(f"the manifest of {folder} has no hash of {INDEX_NAME}", reindex_remedy(folder))
    try:
        file, content = _read(folder, entry.file)
    except MapError as error:
        raise MapError(error.problem, reindex_remedy(folder)) from error
    try:
        codes = faiss.deserialize_index(content)
    except (RuntimeError, MemoryError) as error:
        raise MapError(
            f"faiss {faiss.__version__} cannot read {file}, which is a {entry.method} ({short(error)})",
            f"Update faiss, or let this one make its own: {reindex_remedy(folder)}",
        ) from error
    _check(file, codes, entry, shape)
    return codes


def _read(folder: Path, entry: FileEntry) -> tuple[Path, npt.NDArray[np.uint8]]:
    """The file and its bytes, which are those that were written."""
    with map_errors(folder):
        file = map_file(folder, INDEX_NAME)
        size = file.stat().st_size
        if size != entry.size_bytes:
            raise MapError(f"{file} has {size} bytes, the manifest says {entry.size_bytes}", DAMAGED)
        content = np.fromfile(file, np.uint8)
    found = hashlib.sha256(content.data).hexdigest()
    if found != entry.sha256:
        raise MapError(
            f"{file} is corrupt: its checksum is {found[:16]}, the manifest says {entry.sha256[:16]}", DAMAGED
        )
    return file, content


def _check(file: Path, codes: Any, entry: IndexEntry, shape: tuple[int, int]) -> None:
    remedy = reindex_remedy(file.parent)
    kind = type(codes).__name__
    if kind not in TYPES[entry.kind] or codes.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise MapError(
            f"{file} is a {kind} of metric {codes.metric_type}, expected a {entry.method} of cosines", remedy
        )
    if (codes.ntotal, codes.d) != shape:
        raise MapError(
            f"{file} has {codes.ntotal} codes of {codes.d} numbers, the map has {shape[0]} of {shape[1]}", remedy
        )
    if entry.kind == "lists" and not 1 <= entry.nprobe <= codes.nlist:
        raise MapError(f"nprobe is {entry.nprobe}, {file} has {codes.nlist} lists", remedy)


def _parameters(kind: str) -> Any:
    """What faiss takes for one search of an index of the type *kind*."""
    names = {
        "IndexRaBitQ": "RaBitQSearchParameters",
        "IndexIVFRaBitQ": "IVFRaBitQSearchParameters",
        "IndexIVFScalarQuantizer": "SearchParametersIVF",
    }
    return getattr(faiss, names.get(kind, "SearchParameters"))()
