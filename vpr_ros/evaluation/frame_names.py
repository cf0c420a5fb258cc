"""Find the frame a person means by a file name or a number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from vpr_ros.core.errors import SourceError


class FrameNames:
    """Looks frames up by name, by the end of a path, or by number.

    ``query/041.jpg`` finds the frame called ``041.jpg`` and the other way round: two names mean the same frame when
    one is the end of the other, folder by folder. A cell without extension also matches the stem, and one that is no
    name but a whole number is the frame's number, from 0.
    """

    def __init__(self, names: Sequence[str], what: str) -> None:
        """Index the (N,) names.

        Args:
            names: in the order the numbers count.
            what: who owns them, for messages ("the map", "the queries").
        """
        self._what = what
        self._count = len(names)
        self._parts = [PurePosixPath(name.replace("\\", "/")).parts for name in names]
        self._by_file: dict[str, list[int]] = {}
        for number, parts in enumerate(self._parts):
            last = parts[-1] if parts else ""
            for key in dict.fromkeys((last, PurePosixPath(last).stem)):
                self._by_file.setdefault(key, []).append(number)

    def find(self, cell: str) -> int | None:
        """Return the number of the frame meant by *cell*, or None if there is no such frame.

        Raises:
            SourceError: several frames fit.
        """
        wanted = PurePosixPath(cell.replace("\\", "/")).parts
        fits = [number for number in self._by_file.get(wanted[-1] if wanted else "", []) if self._same(number, wanted)]
        if len(fits) > 1:
            raise SourceError(
                f"{cell!r} fits {len(fits)} frames of {self._what} (numbers {fits[:3]}...)",
                "Give more of the path in the CSV file, or the frame's number",
            )
        if fits:
            return fits[0]
        return int(cell) if cell.isdigit() and int(cell) < self._count else None

    def _same(self, number: int, wanted: tuple[str, ...]) -> bool:
        """Compare folder by folder from the end; the file itself was found already."""
        folders, wanted_folders = self._parts[number][:-1], wanted[:-1]
        shared = min(len(folders), len(wanted_folders))
        return not shared or folders[-shared:] == wanted_folders[-shared:]
