"""The folder a map grows in: a batch is on disk, or it never happened."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vpr_ros.core.errors import MapError
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.build_inputs import Inputs, differences, inputs_sha256
from vpr_ros.mapping.journal import JOURNAL_NAME, complete_lines, open_journal
from vpr_ros.maps.descriptor_file import HEADER_BYTES, Descriptors, DtypeName, npy_header
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.map_files import short
from vpr_ros.maps.place_map import DESCRIPTORS_NAME
from vpr_ros.maps.thumbnails import THUMBNAILS_NAME, thumbnail_path

ROWS_PER_WRITE = 4096
_START_AGAIN = (
    "The interrupted build is damaged: start again with --overwrite instead of --resume, beside --append where it was "
    "to add a session (--overwrite alone replaces the map)"
)


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
        inputs_sha256: of what the map is made from, known once it is open.
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
        self.inputs_sha256 = ""
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
        self.inputs_sha256 = inputs_sha256(header)
        first, *batches = complete_lines(self._journal) or [None]
        if first is None or (restart and not resume):
            self._start(header)
            return
        if not resume:
            raise MapError(
                f"an interrupted build stands in {self.path}",
                "Add --resume to finish it, or --overwrite to start again (beside --append, which keeps the map)",
            )
        _check_header(self.path, first, header)
        with _damage(self.path):
            for batch in batches:
                undescribed = batch.get("undescribed", 0)  # not written by builds that an earlier version began
                self._count(_rows_from_json(batch["rows"]), batch["consumed"], batch["undecodable"], undescribed)
            if not 0 <= self.undecodable + self.undescribed <= self.consumed - len(self.rows):
                raise ValueError(f"{self.consumed} records for {len(self.rows)} frames")
        self.was_resumed = True
        descriptors, thumbnails = self.path / DESCRIPTORS_NAME, self.path / THUMBNAILS_NAME
        if not descriptors.is_file() or not thumbnails.is_dir() or descriptors.is_symlink() or thumbnails.is_symlink():
            raise MapError(f"{self.path} lacks {DESCRIPTORS_NAME} or {THUMBNAILS_NAME}", _START_AGAIN)
        self._descriptors = (self.path / DESCRIPTORS_NAME).open("r+b")
        expected = HEADER_BYTES + (self._base_rows + len(self.rows)) * self._row_bytes
        if (found := self._descriptors.seek(0, os.SEEK_END)) < expected:
            raise MapError(
                f"{self.path / DESCRIPTORS_NAME} has {found} bytes, its journal says {expected}",
                _START_AGAIN,
            )
        self._descriptors.truncate(expected)
        self._descriptors.seek(expected)

    def add(
        self,
        rows: Sequence[FrameRow],
        descriptors: Descriptors,
        thumbnails: Sequence[bytes | None],
        *,
        consumed: int,
        undecodable: int,
        undescribed: int = 0,
    ) -> None:
        """Write one batch; when this returns it survives a crash.

        Args:
            rows: B frames.
            descriptors: (B, D).
            thumbnails: B JPEGs, None where there is none.
            consumed: records the source gave for it.
            undecodable: records among them that did not decode.
            undescribed: records among them that the model has no descriptor for.
        """
        for number, jpeg in enumerate(thumbnails, start=self._base_rows + len(self.rows)):
            if jpeg is not None:
                thumbnail_path(self.path / THUMBNAILS_NAME, number).write_bytes(jpeg)
        self._descriptors.write(np.ascontiguousarray(descriptors, dtype=self.dtype).tobytes())
        _sync(self._descriptors)
        left_out = {"undecodable": undecodable, "undescribed": undescribed}
        entry = {"rows": [row.fields() for row in rows], "consumed": consumed, **left_out}
        self._journal.write(json.dumps(entry).encode() + b"\n")
        _sync(self._journal)
        self._count(list(rows), consumed, undecodable, undescribed)

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


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """What is in a journal that no build wrote."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MapError(f"{path / JOURNAL_NAME} cannot be read ({short(error)})", _START_AGAIN) from error


def _check_header(path: Path, found: Inputs, expected: Inputs) -> None:
    with _damage(path):
        different = differences(found, expected)
        appends, wanted = found.get("append"), expected["append"]
    if appends != wanted:
        was, now = (
            ("was to add a session to the map", "add --append") if appends else ("was no --append", "leave it out")
        )
        raise MapError(
            f"the interrupted build in {path} {was}",
            f"Resume it as it was begun: {now}. --append --overwrite gives it up and keeps the map",
        )
    if different:
        raise MapError(
            f"the interrupted build in {path} was made from other inputs: {'; '.join(different)}",
            "Resume with the same source, model and options, or start again with --overwrite instead of --resume, "
            "beside --append where it was to add a session",
        )


def _rows_from_json(rows: Sequence[Sequence[Any]]) -> list[FrameRow]:
    result = []
    for stamp_ns, session, camera, *pose, name in rows:
        x, y, z, qx, qy, qz, qw = (float(number) for number in pose)
        quat_xyzw = None if qx != qx else (qx, qy, qz, qw)  # noqa: PLR0124 - NaN marks an unknown orientation
        numbers = (int(stamp_ns), int(session), int(camera))
        result.append(FrameRow(*numbers, Pose((x, y, z), quat_xyzw), str(name)))
    return result
