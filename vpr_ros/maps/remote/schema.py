# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a collection of a map looks like, which map it says it holds, and which index it gets."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vpr_ros.core.errors import MapError
from vpr_ros.maps.manifest import MapManifest

FRAME, MAP, SESSION, DESCRIPTOR = "frame", "map", "session", "descriptor"
POSITION: Final = ("x_m", "y_m", "z_m")
QUATERNION: Final = ("qx", "qy", "qz", "qw")
FORMAT: Final = 1
MOST_EF: Final = 32768
MOST_LISTS: Final = 65536
STATES_EXACTLY: Final = "HNSW"
"""Its similarities are those of the rows, so no more need to be compared than are wanted."""
INDEX_TYPES: Final = ("HNSW", "IVF_SQ8", "IVF_RABITQ")
METRIC: Final = "IP"
"""Inner product: of rows of unit length, the cosine."""
LARGEST_HNSW_FRAMES: Final = 1_000_000
"""Above, its graph and the rows beside it cost too much memory."""
_SEGMENT_BYTES: Final = 1 << 30
_HASHED: Final = ("descriptors.npy", "frames.csv")


@dataclass(frozen=True)
class MapIdentity:
    """Which map a collection holds: written into it, and into every row.

    Attributes:
        sha256: of the model, the descriptors and the frames: another map, model or version has another one.
        model: the name of the model, for messages.
        frames: how many.
        dim: numbers of a descriptor.
    """

    sha256: str
    model: str
    frames: int
    dim: int

    @classmethod
    def of(cls, manifest: MapManifest) -> MapIdentity:
        """That of the map with *manifest*.

        Raises:
            MapError: the manifest names no descriptors.
        """
        missing = [name for name in _HASHED if name not in manifest.files]
        if missing:
            raise MapError(f"the manifest has no entry for {', '.join(missing)}", "Build the map again")
        hashes = [manifest.model.sha256, *(manifest.files[name].sha256 for name in _HASHED)]
        digest = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        model = f"{manifest.model.name} {manifest.model.version}"
        return cls(digest, model, manifest.frames, manifest.model.descriptor_dim)

    @property
    def number(self) -> int:
        """What every row says: the first 63 bits of the hash."""
        return int(self.sha256[:16], 16) >> 1

    def description(self) -> str:
        """What the collection says of itself."""
        return json.dumps({"vpr_ros": FORMAT, **vars(self)})

    def difference(self, description: str) -> str:
        """How a collection that says *description* differs, "" where it does not."""
        try:
            found = json.loads(description)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or "vpr_ros" not in found:
            return "it was not loaded by vpr_ros"
        if found["vpr_ros"] != FORMAT:
            return f"it has format {str(found['vpr_ros'])[:20]}, this software knows {FORMAT}"
        differing = [name for name, value in vars(self).items() if found.get(name) != value]
        if not differing:
            return ""
        told = [f"{name} {str(found.get(name))[:40]}, not {str(getattr(self, name))[:40]}" for name in differing]
        return f"it holds another map: {'; '.join(told)}"


@dataclass(frozen=True)
class IndexChoice:
    """The index of a collection, and how an effort is told to it.

    Attributes:
        type: as Milvus calls it.
        build: its parameters.
        effort_name: what the search is given: ``ef`` or ``nprobe``.
        efforts: smallest and largest that are tried.
    """

    type: str
    build: dict[str, Any]
    effort_name: str
    efforts: tuple[int, int]


def choose_index(version: str, frames: int, dim: int) -> IndexChoice:
    """IVF_RABITQ with refinement from 2.6 on; before that HNSW, or IVF_SQ8 where its graph would be too large."""
    if has_rabitq(version):
        return index_of("IVF_RABITQ", frames, dim)
    return index_of("HNSW" if frames <= LARGEST_HNSW_FRAMES else "IVF_SQ8", frames, dim)


def has_rabitq(version: str) -> bool:
    """Whether a server of this *version* knows IVF_RABITQ."""
    return version_number(version) >= (2, 6)


def index_of(kind: str, frames: int, dim: int) -> IndexChoice:
    """An index of the *kind* that Milvus calls so, for so many descriptors of so many numbers."""
    if kind == "HNSW":
        return IndexChoice(kind, {"M": 24, "efConstruction": 200}, "ef", (128, 4096))
    lists = 1 << round(math.log2(4 * math.sqrt(max(64, min(frames, _SEGMENT_BYTES // (4 * dim))))))
    refined = {"refine": True, "refine_type": "SQ8"} if kind == "IVF_RABITQ" else {}
    return IndexChoice(kind, {"nlist": lists, **refined}, "nprobe", (min(16, lists), lists))


def search_params(index: str, effort: int, k: int) -> dict[str, Any]:
    """What a search is told: the effort that was found when the map was loaded, and never less than HNSW needs."""
    if index == "HNSW":
        return {"metric_type": METRIC, "params": {"ef": min(max(effort, k), MOST_EF)}}
    refine = {"refine_k": 4} if index == "IVF_RABITQ" else {}
    return {"metric_type": METRIC, "params": {"nprobe": min(effort, MOST_LISTS), **refine}}


def version_number(version: str) -> tuple[int, int]:
    """(2, 3) of "v2.3.5-lite"; (0, 0) where there is no telling."""
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def collection_schema(pymilvus: Any, identity: MapIdentity) -> Any:
    """The fields of a collection, for the client library *pymilvus*."""
    types = pymilvus.DataType
    schema = pymilvus.MilvusClient.create_schema(auto_id=False, description=identity.description())
    schema.add_field(FRAME, types.INT64, is_primary=True)
    schema.add_field(MAP, types.INT64)
    schema.add_field(SESSION, types.INT64)
    for name in (*POSITION, *QUATERNION):
        schema.add_field(name, types.DOUBLE)
    schema.add_field(DESCRIPTOR, types.FLOAT_VECTOR, dim=identity.dim)
    return schema


def described_dim(description: Mapping[str, Any]) -> int:
    """The numbers of a descriptor in a collection that the server describes so; 0 where it has none."""
    for entry in description.get("fields", ()):
        if entry.get("name") == DESCRIPTOR:
            return int(entry.get("params", {}).get("dim", 0))
    return 0
