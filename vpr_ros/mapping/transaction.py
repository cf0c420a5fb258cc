"""A map grows in a folder beside its place, batch by batch, and takes that place in one step.

A batch is on disk or never happened; what stood in the place is whole on disk until the new map stands there.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.build_inputs import Inputs
from vpr_ros.mapping.embedding import DescribedBatch
from vpr_ros.mapping.journal import START_AGAIN, check_inputs, complete_lines, journal_errors, open_journal, rows_of
from vpr_ros.mapping.output import is_free
from vpr_ros.maps.descriptor_file import HEADER_BYTES, Descriptors, DtypeName, npy_header
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.manifest import replaced_path
from vpr_ros.maps.place_map import DESCRIPTORS_NAME
from vpr_ros.maps.thumbnails import THUMBNAILS_NAME, thumbnail_path

ROWS_PER_WRITE = 4096
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def partial_path(output: Path) -> Path:
    """The folder beside *output* in which its map grows."""
    return output.parent / f".{output.name}.partial"


class PartialMap:
    """Descriptors, thumbnails and a journal of finished batches.

    Attributes:
        path: the folder.
        rows: of every finished batch, base rows (of the map appended to) not included.
        consumed: how many records of the gated source the finished batches took.
        undecodable: how many of them did not decode.
        undescribed: for how many of them the model had no descriptor.
        was_resumed: whether the folder held finished work when it was opened.
        dtype: of the descriptors on disk.
    """

    def __init__(self, path: Path, dim: int, dtype: DtypeName, base: Descriptors | None) -> None:
        """Prepare; ``open`` does the work.

        Args:
            path: the folder, made if missing.
            dim: D of the descriptors.
            dtype: on disk.
            base: (M, D) rows of the map appended to, which come first.
        """
        self.path = path
        self.rows: list[FrameRow] = []
        self.consumed = 0
        self.undecodable = 0
        self.undescribed = 0
        self.was_resumed = False
        self._dim, self.dtype, self._base = dim, dtype, base
        self._base_rows = 0 if base is None else len(base)
        self._journal: BinaryIO
        self._descriptors: BinaryIO

    def open(self, header: Inputs, *, resume: bool, restart: bool = False) -> None:
        """Start, or go on where an interrupted build stopped.

        Args:
            header: what must be equal for a build to be the continuation of another.
            resume: go on.
            restart: without *resume*, throw unfinished work away; without either it is an error.

        Raises:
            MapError: unfinished work stands in the way, belongs to other inputs, is damaged, or another
                process is busy with it.
        """
        if self.path.is_symlink():
            raise MapError(f"{self.path} is a link, which no build makes", "Move it away, then run the command again")
        self.path.mkdir(parents=True, exist_ok=True)
        self._journal = open_journal(self.path)
        first, *batches = complete_lines(self._journal) or [None]
        if first is None or (restart and not resume):
            self._start(header)
            return
        if not resume:
            raise MapError(
                f"an interrupted build stands in {self.path}",
                "Add --resume to finish it, or --overwrite to start again (beside --append, which keeps the map)",
            )
        check_inputs(self.path, first, header)
        with journal_errors(self.path):
            for batch in batches:
                undescribed = batch.get("undescribed", 0)  # not written by builds that an earlier version began
                self._count(rows_of(batch), batch["consumed"], batch["undecodable"], undescribed)
            if not 0 <= self.undecodable + self.undescribed <= self.consumed - len(self.rows):
                raise ValueError(f"{self.consumed} records for {len(self.rows)} frames")
        self.was_resumed = True
        descriptors, thumbnails = self.path / DESCRIPTORS_NAME, self.path / THUMBNAILS_NAME
        if not descriptors.is_file() or not thumbnails.is_dir() or descriptors.is_symlink() or thumbnails.is_symlink():
            raise MapError(f"{self.path} lacks {DESCRIPTORS_NAME} or {THUMBNAILS_NAME}", START_AGAIN)
        self._descriptors = (self.path / DESCRIPTORS_NAME).open("r+b")
        expected = HEADER_BYTES + (self._base_rows + len(self.rows)) * self._row_bytes
        if (found := self._descriptors.seek(0, os.SEEK_END)) < expected:
            raise MapError(
                f"{self.path / DESCRIPTORS_NAME} has {found} bytes, its journal says {expected}",
                START_AGAIN,
            )
        self._descriptors.truncate(expected)
        self._descriptors.seek(expected)

    def add(self, rows: Sequence[FrameRow], batch: DescribedBatch) -> None:
        """Write one batch; when this returns it survives a crash.

        Args:
            rows: B frames; where there is none, nothing is written, and a build that goes on tries again.
            batch: their descriptors and thumbnails, and what was left out.
        """
        left_out = {"undecodable": len(batch.undecodable), "undescribed": len(batch.undescribed)}
        if not rows:
            self._count([], 0, **left_out)
            return
        for number, jpeg in enumerate(batch.thumbnails, start=self._base_rows + len(self.rows)):
            if jpeg is not None:
                thumbnail_path(self.path / THUMBNAILS_NAME, number).write_bytes(jpeg)
        self._descriptors.write(np.ascontiguousarray(batch.descriptors, dtype=self.dtype).tobytes())
        _sync(self._descriptors)
        entry = {"rows": [row.fields() for row in rows], "consumed": batch.consumed, **left_out}
        self._journal.write(json.dumps(entry).encode() + b"\n")
        _sync(self._journal)
        self._count(list(rows), batch.consumed, **left_out)

    def finish(self) -> None:
        """Write the header of the descriptors, now that their number is known."""
        self._descriptors.seek(0)
        self._descriptors.write(npy_header(self._base_rows + len(self.rows), self._dim, self.dtype))
        _sync(self._descriptors)

    def close(self) -> None:
        """Let go of the files; the folder stays."""
        with contextlib.ExitStack() as files:  # on a full disk closing the first fails, the second holds the lock
            for name in ("_journal", "_descriptors"):
                if hasattr(self, name):
                    files.callback(getattr(self, name).close)

    def discard(self) -> None:
        """Let go and remove the folder."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def _row_bytes(self) -> int:
        return self._dim * np.dtype(self.dtype).itemsize

    def _start(self, header: Inputs) -> None:
        self._journal.truncate(0)
        shutil.rmtree(self.path / THUMBNAILS_NAME, ignore_errors=True)
        (self.path / THUMBNAILS_NAME).mkdir()
        # A new file: the old one may be the rest of a replaced map, which a running node still reads.
        (self.path / DESCRIPTORS_NAME).unlink(missing_ok=True)
        self._descriptors = (self.path / DESCRIPTORS_NAME).open("wb")
        self._descriptors.write(bytes(HEADER_BYTES))
        if self._base is not None:
            for start in range(0, len(self._base), ROWS_PER_WRITE):
                self._descriptors.write(self._base[start : start + ROWS_PER_WRITE].tobytes())
        _sync(self._descriptors)
        self._journal.write(json.dumps(header).encode() + b"\n")
        _sync(self._journal)

    def _count(self, rows: list[FrameRow], consumed: int, undecodable: int, undescribed: int) -> None:
        self.rows.extend(rows)
        self.consumed += consumed
        self.undecodable += undecodable
        self.undescribed += undescribed


def publish(finished: Path, output: Path) -> None:
    """Make the folder *finished* the folder *output* (on the same file system), and remove what stood there.

    Where two names cannot be exchanged in one step, the old map has the name ``replaced_path(output)`` for a moment,
    and who is killed then leaves it there: ``recovery.put_back`` knows.

    Raises:
        MapError: something has that name already.
        OSError: it could not be renamed; *output* is as it was.
    """
    _sync_tree(finished)
    if is_free(output):  # an empty folder is replaced by the rename itself
        finished.rename(output)
        old = None
    elif _exchange(finished, output):
        old = finished
    else:
        old = _swap_in_two_steps(finished, output)
    _sync_folder(output.parent)
    if old is not None:
        remove_replaced(old)


def remove_replaced(folder: Path) -> None:
    """Remove the map *folder*, or the link to one: what a link points at is not ours."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where kernel, C library or file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _swap_in_two_steps(finished: Path, output: Path) -> Path:
    old = replaced_path(output)
    if old.exists():
        raise MapError(
            f"{old} is in the way of replacing {output}, and this build did not make it",
            "Move or remove it, then run the same command with --resume",
        )
    output.rename(old)
    try:
        finished.rename(output)
    except OSError:
        old.rename(output)
        raise
    return old


def _sync_tree(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())
