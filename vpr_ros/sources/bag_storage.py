# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Storage files in a form that the library opens whole.

rosbags opens sqlite3 files by an address in which it does not escape ``?``, ``#`` and ``%``, and as files that nobody
writes to, so that it never sees what a recorder that lost power left in the ``-wal`` beside them. What a user recorded
is not changed: links and copies are made in a folder of our own, which goes when the recording is closed.
"""

from __future__ import annotations

import importlib
import io
import itertools
import os
import re
import shlex
import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any, Final, cast

from rosbags.rosbag2 import Reader

from vpr_ros.core.errors import SourceError
from vpr_ros.sources.bag_files import shown
from vpr_ros.sources.bag_mcap import MAGIC, disguise, disguised

_SIDE_FILES: Final = ("-wal", "-journal")
_COMPRESSED: Final = (".zstd", ".zst")
_LARGEST_MESSAGE: Final = 1 << 30
_SQLITE: Final = b"SQLite format 3\0"


class BagStorage:
    """The storage files of one recording, ready to be opened as often as needed.

    Attributes:
        notices: one sentence for each thing that is not as it should be.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Prepare *paths*.

        Raises:
            SourceError: one of them cannot be read.
        """
        self.notices: list[str] = []
        self._folder: Path | None = None
        self._numbers = itertools.count()
        self._opened = [self._reader(self._prepared(path), path) for path in paths]
        self._readable = [cast("Path", reader.path) for reader in self._opened]

    def open(self) -> list[Reader]:
        """A reader of each file; close them yourself.

        Raises:
            SourceError: one of them cannot be read any more.
        """
        opened, self._opened = self._opened, []
        return opened or [_open(path, path) for path in self._readable]

    def _prepared(self, path: Path) -> Path:
        """*path*, or a link or a copy of it that has a plain name and is complete."""
        try:
            if path.suffix in _COMPRESSED:
                return self._unpacked(path)
            if path.suffix != ".db3":
                return path
            real = path.resolve()  # where sqlite3 looks for them
            side_files = [side for suffix in _SIDE_FILES if _size(side := Path(f"{real}{suffix}"))]
            if side_files:
                return self._merged(real, side_files)
            return path if is_plain(path) else self._linked(path)
        except OSError as error:
            raise _unreadable(path, error) from error

    def _reader(self, path: Path, origin: Path) -> Reader:
        """Open *path*, or what the library takes in its place where something nobody asks for stops it."""
        try:
            return _open(path, origin)
        except SourceError:
            mended = self._without_definitions(path) if path.suffix == ".db3" else _without_foreign(path)
            if mended is None:
                raise
            return _open(mended, origin)

    def _merged(self, path: Path, side_files: list[Path]) -> Path:
        """A copy that holds what the recorder left beside *path* too."""
        names = " and ".join(shown(side.name) for side in side_files)
        copy = self._copied(path)
        for side in side_files:
            shutil.copyfile(side, f"{copy}{side.name.removeprefix(path.name)}")
        try:
            with closing(sqlite3.connect(copy)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                database.execute("PRAGMA journal_mode=DELETE")
            gained = _message_count(copy)
        except sqlite3.Error as error:
            self.notices.append(f"{names}: not read ({error}), so what the recorder wrote last is missing")
            return path if is_plain(path) else self._linked(path)
        with suppress(sqlite3.Error):  # what was being put in its place when the power went may be no database
            gained -= _message_count(path)
        left = f"{gained} messages it left there are read too" if gained > 0 else "no more messages were found there"
        self.notices.append(f"{names}: the recorder was cut off, {left}")
        return copy

    def _without_definitions(self, path: Path) -> Path | None:
        """A copy without the definitions and the quality of service that the library would read, and stumble over."""
        try:
            tables = _tables(path)
            if not {"messages", "topics"} <= tables:
                return None
            copy = self._copied(path)
            with closing(sqlite3.connect(copy)) as database, database:
                if "message_definitions" in tables:
                    database.execute("DELETE FROM message_definitions WHERE encoding NOT IN ('ros2msg', 'ros2idl')")
                columns = [row[1] for row in database.execute("PRAGMA table_info(topics)")]
                if "offered_qos_profiles" in columns:
                    database.execute("UPDATE topics SET offered_qos_profiles = ''")
        except sqlite3.Error:
            return None
        except OSError as error:
            raise _unreadable(path, error) from error
        return copy

    def _unpacked(self, path: Path) -> Path:
        unpacked = self._own_folder() / f"{next(self._numbers)}{Path(path.stem).suffix}"
        try:
            with path.open("rb") as packed, _zstd_stream(packed) as stream, unpacked.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
        except OSError:
            raise
        except Exception as error:  # the libraries raise errors of their own for what is not compressed
            raise damaged(path, error) from error
        return unpacked

    def _copied(self, path: Path) -> Path:
        folder = self._own_folder()
        needed, free = path.stat().st_size, shutil.disk_usage(folder).free
        if needed > free:
            raise SourceError(
                f"{shown(path)} can be read only from a copy, which needs {needed / 1e9:.1f} GB in {folder.parent}, "
                f"where {free / 1e9:.1f} GB are free",
                "Set the environment variable TMPDIR to a folder with more room",
            )
        return Path(shutil.copyfile(path, folder / f"{next(self._numbers)}{path.suffix}"))

    def _linked(self, path: Path) -> Path:
        link = self._own_folder() / f"{next(self._numbers)}{path.suffix}"
        link.symlink_to(path.absolute())
        return link

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="vpr_ros_bag_"))
            weakref.finalize(self, _remove, self._folder, os.getpid())
        return self._folder


def damaged(path: Path, error: Exception) -> SourceError:
    """The error for a file that the library cannot read."""
    reason = shown(str(error)).rstrip(".") or repr(error)
    return SourceError(f"{shown(path)} cannot be read as a rosbag2 recording ({reason})", _remedy(path))


def decompressed(data: bytes) -> bytes:
    """One message that was recorded with ``compression_mode: message``."""
    with _zstd_stream(io.BytesIO(data)) as stream:
        content = cast("bytes", stream.read(_LARGEST_MESSAGE + 1))
    if len(content) > _LARGEST_MESSAGE:
        raise ValueError(f"a compressed message holds more than {_LARGEST_MESSAGE} bytes")
    return content


def _open(path: Path, origin: Path) -> Reader:
    try:
        reader = Reader(path)
        reader.open()
    except Exception as error:  # the library raises whatever the damaged bytes lead it to
        raise damaged(origin, error) from error
    return reader


def _without_foreign(path: Path) -> Path | None:
    try:
        patches = disguise(path) if path.suffix == ".mcap" else {}
    except OSError:
        return None
    return disguised(path, patches) if patches else None


def _tables(path: Path) -> set[str]:
    """The names of the tables of an sqlite3 file, which is left as it is."""
    with closing(_untouched(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")}


def _message_count(path: Path) -> int:
    with closing(_untouched(path)) as database:
        return int(database.execute("SELECT count(*) FROM messages").fetchone()[0])


def _untouched(path: Path) -> sqlite3.Connection:
    """An sqlite3 file without what lies beside it, and without a trace of having been read."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)


def _zstd_stream(packed: IO[bytes]) -> Any:
    """A stream of what *packed* holds; one of these modules came with rosbags."""
    try:
        return importlib.import_module("backports.zstd").open(packed, "rb")
    except ImportError:
        return importlib.import_module("zstandard").ZstdDecompressor().stream_reader(packed)


def is_plain(path: Path) -> bool:
    """Whether a path means the same in an address that nobody escapes, as the library's addresses of sqlite3 are."""
    text = str(path)
    return not re.search(r"[?#%]|^//", text) and shown(text) == text


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked worker reads the same files
        shutil.rmtree(folder, ignore_errors=True)


def _unreadable(path: Path, error: OSError) -> SourceError:
    reason = error.strerror or str(error)
    return SourceError(
        f"{shown(path)} cannot be read ({reason})",
        f"Check who may read it, and that {tempfile.gettempdir()} has room (another folder: TMPDIR)",
    )


def _remedy(path: Path) -> str:
    name = shown(shlex.quote(path.name))
    if _size(path) == 0:
        return "It is empty or not there: record again, or leave this file out"
    if not os.access(path, os.R_OK):
        return "Allow this user to read it"
    with path.open("rb") as file:
        begins = file.read(16)
    if path.suffix == ".mcap" and begins.startswith(MAGIC):
        return f"What can be read of it is written anew by `mcap recover {name} -o mended.mcap`"
    if path.suffix == ".db3" and begins.startswith(_SQLITE):
        return f"What can be read of it is written anew by `sqlite3 {name} .recover | sqlite3 mended.db3`"
    return f"It does not begin as {path.suffix or 'such'} files do: check that it is the file that was meant"
