# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Find the frame a person means by a file name."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from vpr_ros.core.errors import SourceError

_Parts = tuple[str, ...]


class FrameNames:
    """Looks frames up by name, or by the end of a path.

    ``query/041.jpg`` finds the frame called ``041.jpg`` and the other way round: two names mean the same frame when
    one is the end of the other, folder by folder. A name without extension also finds the only file of that stem. The
    nearest reading wins: the whole path, then the end of one, then the stem. Any white space counts as one space, for
    a map's table keeps names so, and letters with accents are the same in either of Unicode's spellings.
    """

    def __init__(self, names: Sequence[str], what: str) -> None:
        """Index the (N,) names.

        Args:
            names: in the order the numbers count.
            what: who owns them, for messages ("the map", "the queries").
        """
        self._what = what
        self._parts = [_parts(name) for name in names]
        self._found: dict[tuple[str, bool], int | None] = {}  # the frames of a map stand in the cells of many queries
        self.most_words = max((len(_plain(name).split()) for name in names), default=1)
        self._by_file: dict[str, list[int]] = {}
        for number, parts in enumerate(self._parts):
            last = parts[-1] if parts else ""
            for key in dict.fromkeys((last, PurePosixPath(last).stem)):
                self._by_file.setdefault(key, []).append(number)

    def __len__(self) -> int:
        return len(self._parts)

    def find(self, name: str) -> int | None:
        """Return the number of the frame meant by *name*, or None if there is no such frame.

        Raises:
            SourceError: several frames fit.
        """
        return self._remembered(name, any_folders=True)

    def find_whole(self, name: str) -> int | None:
        """The same for a *name* that says no more folders than the frame's own name does.

        Raises:
            SourceError: several frames fit.
        """
        return self._remembered(name, any_folders=False)

    def _remembered(self, name: str, *, any_folders: bool) -> int | None:
        key = (name, any_folders)
        if key not in self._found:
            self._found[key] = self._nearest(name, any_folders)
        return self._found[key]

    def _nearest(self, name: str, any_folders: bool) -> int | None:
        wanted = _parts(name)
        if not wanted:
            return None
        fits = [
            number
            for number in self._by_file.get(wanted[-1], [])
            if (any_folders or len(wanted) <= len(self._parts[number])) and self._same_folders(number, wanted)
        ]
        with_extension = [number for number in fits if self._parts[number][-1] == wanted[-1]]
        exact = [number for number in with_extension if self._parts[number] == wanted]
        nearest = exact or with_extension or fits
        if len(nearest) > 1:
            raise SourceError(
                f"{name!r} fits {len(nearest)} frames of {self._what} (numbers {nearest[:3]}...)",
                "Give more of the path in the CSV file, or number the frames in the whole column",
            )
        return nearest[0] if nearest else None

    def _same_folders(self, number: int, wanted: _Parts) -> bool:
        """Compare folder by folder from the end; the file itself was found already."""
        folders, wanted_folders = self._parts[number][:-1], wanted[:-1]
        shared = min(len(folders), len(wanted_folders))
        return not shared or folders[-shared:] == wanted_folders[-shared:]


def _parts(name: str) -> _Parts:
    return PurePosixPath(_plain(name).replace("\\", "/")).parts


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split()))
