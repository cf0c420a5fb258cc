# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which index a map is opened with: the one its manifest names, or every descriptor where that one cannot be had."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.core.errors import MapError
from vpr_ros.maps.compressed_index import CompressedIndex, read_codes
from vpr_ros.maps.descriptor_file import Descriptors
from vpr_ros.maps.frame_index import ExactIndex, FrameIndex
from vpr_ros.maps.index_entry import IndexEntry, reindex_remedy


def open_index(folder: Path, entry: IndexEntry | None, descriptors: Descriptors, descriptors_sha256: str) -> FrameIndex:
    """Open what the manifest of the map in *folder* calls its index.

    A file that is missing or damaged costs time, and no answer: the descriptors say all that it does. So the map opens
    and asks every descriptor, and ``fault`` says why.

    Args:
        folder: of the map.
        entry: of the manifest.
        descriptors: (N, D) of the map.
        descriptors_sha256: what the manifest says of their file.
    """
    if entry is None or entry.kind == "exact":
        return ExactIndex(descriptors)
    try:
        if entry.descriptors_sha256 != descriptors_sha256:
            raise MapError(f"the index of {folder} was made of other descriptors", reindex_remedy(folder))
        rows, dim = descriptors.shape
        return CompressedIndex(read_codes(folder, entry, (rows, dim)), entry, descriptors)
    except MapError as error:
        return ExactIndex(descriptors, error)
