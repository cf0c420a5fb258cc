# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The entry ``index`` of a manifest: what finds the frames of a map, and how well it does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, get_args

from vpr_ros.core.command import program
from vpr_ros.maps.frame_index import IndexKind
from vpr_ros.maps.manifest_parts import FileEntry
from vpr_ros.maps.manifest_values import count, number, one_of, table, text

INDEX_NAME: Final = "index.faiss"
MOST_LISTS: Final = 1 << 20
MOST_CANDIDATES: Final = 1 << 16
DEFAULT_RECALL: Final = 0.99


@dataclass(frozen=True)
class IndexEntry:
    """What finds the frames of a map.

    Attributes:
        kind: see ``FrameIndex``.
        asked: what the user asked for, "auto" where the size decided; the map is indexed the same way when it grows.
        method: of faiss or of the server, e.g. "IVF1024,RaBitQ"; "" of an exact search.
        nprobe: how many inverted lists are read for an image; 0 where there are none.
        candidates: how many of the most similar codes are compared by their descriptors.
        wanted_recall: share of images whose most similar frame is to be found.
        recall: the share found, asked about ``questions`` frames of the map as another day may show them; None where
            nobody asked.
        recall_20: share of their twenty most similar frames that were found, by which an answer is judged.
        questions: see ``recall``.
        descriptors_sha256: of the file it was made of.
        file: size and hashes of ``index.faiss``; None where there is none.
        uri: where a server has the descriptors, without user and password; "" where none has.
    """

    kind: IndexKind
    asked: str = "auto"
    method: str = ""
    nprobe: int = 0
    candidates: int = 0
    wanted_recall: float = DEFAULT_RECALL
    recall: float | None = None
    recall_20: float | None = None
    questions: int = 0
    descriptors_sha256: str = ""
    file: FileEntry | None = None
    uri: str = ""

    @property
    def words(self) -> str:
        """For people: what it is, and how often it finds what an exact search does."""
        read = f", {self.nprobe} lists read" if self.kind == "lists" else ""
        found = f", finds {100 * self.recall:.1f} % of the best" if self.recall is not None else ""
        there = f" at {self.uri}" if self.uri else ""
        return f"{self.kind}{there}{f' ({self.method}{read})' if self.method else ''}{found}"

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> IndexEntry:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong.
        """
        return cls(
            kind=one_of(plain, "kind", get_args(IndexKind)),
            asked=text(plain, "asked"),
            method=text(plain, "method"),
            nprobe=count(plain, "nprobe", 0, MOST_LISTS),
            candidates=count(plain, "candidates", 0, MOST_CANDIDATES),
            wanted_recall=number(plain, "wanted_recall", 0.0, 1.0),
            recall=_share(plain, "recall"),
            recall_20=_share(plain, "recall_20"),
            questions=count(plain, "questions"),
            descriptors_sha256=text(plain, "descriptors_sha256"),
            file=None if plain["file"] is None else FileEntry.from_dict(table(plain, "file")),
            uri=text(plain, "uri"),
        )


def reindex_remedy(folder: Path) -> str:
    """How the index of the map in *folder* is made anew from its descriptors."""
    return f"Make it anew with `{program('build_map')} --reindex {shlex.quote(str(folder))}`"


def _share(plain: Mapping[str, Any], key: str) -> float | None:
    return None if plain[key] is None else number(plain, key, 0.0, 1.0)
