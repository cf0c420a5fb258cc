# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The edge between a map folder and those who read it: which files may be opened, and one error for all that fails.

A map may come from another machine, be half copied, or be made to hurt: nothing outside its folder is opened, and
whatever its bytes make a reader raise leaves here as a ``MapError``.
"""

from __future__ import annotations

import csv
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vpr_ros.core.errors import MapError

DAMAGED = "Restore the file from a backup or build the map again"
"""What to do about a file of a map that is not what was written."""

_FROM_FOREIGN_BYTES = (
    ArithmeticError,
    AttributeError,
    csv.Error,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What parsers raise that were given something else than they expect."""


@contextmanager
def map_errors(path: Path) -> Iterator[None]:
    """Turn any failure to read the map, or the file of a map, at *path* into one error.

    Raises:
        MapError: something failed in the block.
    """
    try:
        yield
    except OSError as failure:
        raise MapError(
            f"{failure.filename or path} cannot be read ({failure.strerror or failure})",
            "Check the path, the disk, and that the user who runs this may read it",
        ) from failure
    except _FROM_FOREIGN_BYTES as failure:
        raise MapError(f"{path} is damaged and cannot be read ({short(failure)})", DAMAGED) from failure


def short(failure: BaseException) -> str:
    """What *failure* says, on one line that fits into a message."""
    return " ".join(str(failure).split())[:200] or type(failure).__name__


def map_file(folder: Path, name: str) -> Path:
    """Path of the file called *name* in the map *folder*: a regular file, and one that lies in this folder.

    A link is followed within the folder only: what it shows elsewhere is not part of the map, and who made the map
    may not be who made that.

    Raises:
        MapError: the name leads elsewhere, or there is no such file.
        OSError: nobody may look.
    """
    check_name(name)
    path = folder / name
    _check_link(folder, path)
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError as error:
        raise MapError(f"{path} is missing", DAMAGED) from error
    if not is_regular:
        raise MapError(f"{path} is no regular file", DAMAGED)
    return path


def map_folder(folder: Path, name: str) -> Path:
    """Path of the folder called *name* in the map *folder*, which lies there too.

    Raises:
        MapError: it leads elsewhere.
        OSError: nobody may look.
    """
    _check_link(folder, folder / name)
    return folder / name


def check_name(name: str) -> None:
    """Refuse what is no name within a folder.

    Raises:
        MapError: a path, or nothing at all.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise MapError(f"the map has a file called {name[:80]!r}, which is no name within a folder", DAMAGED)


def _check_link(folder: Path, path: Path) -> None:
    if not path.is_symlink():
        return
    target = path.resolve()
    if not target.exists():
        raise MapError(f"{path} is a link to {target}, which does not exist", DAMAGED)
    if not target.is_relative_to(folder.resolve()):
        there, here = shlex.quote(str(target)), shlex.quote(str(path))
        raise MapError(
            f"{path} is a link that leads out of the map, to {target}",
            f"Put what it shows in its place: `rm {here} && cp -r {there} {here}`",
        )
