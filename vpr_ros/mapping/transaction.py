# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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

from vpr_ros.core.disk import held
from vpr_ros.core.errors import MapError
from vpr_ros.mapping.build_inputs import Inputs
from vpr_ros.mapping.embedding import DescribedBatch
from vpr_ros.mapping.growing_array import GrowingArray, sync
from vpr_ros.mapping.journal import (
    START_AGAIN,
    check_inputs,
    complete_lines,
    is_edit,
    journal_errors,
    open_journal,
    rows_of,
)
from vpr_ros.mapping.local_part import LocalPart
from vpr_ros.mapping.output import is_free
from vpr_ros.maps.descriptor_file import Descriptors, DtypeName
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.local_store import LOCAL_NAME
from vpr_ros.maps.manifest import replaced_path
from vpr_ros.maps.place_map import DESCRIPTORS_NAME
from vpr_ros.maps.thumbnails import THUMBNAILS_NAME, thumbnail_path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def partial_path(output: Path) -> Path:
    """The folder beside *output* in which its map grows."""
    return output.parent / f".{output.name}.partial"


class PartialMap:
    """Descriptors, local features, thumbnails and a journal of finished batches.

    Attributes:
        path: the folder.
        rows: of every finished batch, base rows (of the map appended to) not included.
        consumed: how many records of the gated source the finished batches took.
        undecodable: how many of them did not decode.
        undescribed: for how many of them the model had no descriptor.
        was_resumed: whether the folder held finished work when it was opened.
        dtype: of the descriptors on disk.
    """

    def __init__(
        self,
        path: Path,
        dim: int | None,
        dtype: DtypeName,
        base: Descriptors | None,
        local: LocalPart | None = None,
    ) -> None:
        """Prepare; ``open`` does the work.

        Args:
            path: the folder, made if missing.
            dim: D of the descriptors; None: they are there already and stay as they are.
            dtype: on disk.
            base: (M, D) rows of the map appended to, which come first.
            local: what is known of the local features; None: the map has none.
        """
        self.path = path
        self.rows: list[FrameRow] = []
        self.consumed = 0
        self.undecodable = 0
        self.undescribed = 0
        self.was_resumed = False
        self.dtype = dtype
        self._base_rows = 0 if base is None else len(base)
        self._journal: BinaryIO
        self._has_local = local is not None
        self._arrays: dict[str, GrowingArray] = {}
        if dim is not None:
            self._arrays[DESCRIPTORS_NAME] = GrowingArray(path / DESCRIPTORS_NAME, (dim,), dtype, base)
        for name, (shape, kind) in (local.layout.rows if local else {}).items():
            rows = local.base[name] if local and local.base else None
            self._arrays[f"{LOCAL_NAME}/{name}"] = GrowingArray(path / LOCAL_NAME / name, shape, kind, rows)

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
        if first is None or (not resume and (restart or is_edit(first))):
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
        for folder in self._folders:
            if not folder.is_dir() or folder.is_symlink():
                raise MapError(f"{self.path} lacks {folder.name}", START_AGAIN)
        for array in self._arrays.values():
            array.go_on(len(self.rows))

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
        for name, array in self._arrays.items():
            array.add(
                batch.descriptors if name == DESCRIPTORS_NAME else batch.local[name.removeprefix(f"{LOCAL_NAME}/")]
            )
        entry = {"rows": [row.fields() for row in rows], "consumed": batch.consumed, **left_out}
        self._journal.write(json.dumps(entry).encode() + b"\n")
        sync(self._journal)
        self._count(list(rows), batch.consumed, **left_out)

    def finish(self) -> None:
        """Write the headers, now that the number of frames is known."""
        for array in self._arrays.values():
            array.finish(len(self.rows))

    def close(self) -> None:
        """Let go of the files; the folder stays."""
        with contextlib.ExitStack() as files:  # on a full disk closing the first fails, the last holds the lock
            if hasattr(self, "_journal"):
                files.callback(self._journal.close)
            for array in self._arrays.values():
                files.callback(array.close)

    def discard(self) -> None:
        """Let go and remove the folder."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def _folders(self) -> list[Path]:
        return [self.path / THUMBNAILS_NAME, *([self.path / LOCAL_NAME] if self._has_local else [])]

    def _start(self, header: Inputs) -> None:
        self._journal.truncate(0)
        for name in (THUMBNAILS_NAME, LOCAL_NAME):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for folder in self._folders:
            folder.mkdir()
        for array in self._arrays.values():
            array.start()
        self._journal.write(json.dumps(header).encode() + b"\n")
        sync(self._journal)

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
    with held(output):  # who writes the manifest of the old map anew must not write it into the new one
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
    if (folder / LOCAL_NAME).is_dir():
        _sync_tree(folder / LOCAL_NAME)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
