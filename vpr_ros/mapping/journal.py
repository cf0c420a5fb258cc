# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The journal of a build: its inputs, then a line for every finished batch; and the lock of who writes it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from vpr_ros.core.errors import MapError
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.build_inputs import ADDS_LOCAL, EDITS, Inputs, differences
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.map_files import short

JOURNAL_NAME = "journal.jsonl"
_BEGUN_AS = {
    True: ("was to add a session to the map", "add --append"),
    ADDS_LOCAL: ("was to add local features to the map", "add --add-local"),
    EDITS: ("was an edit of the map", "the same edit_map command again"),
}
START_AGAIN = (
    "The interrupted build is damaged: start again with --overwrite instead of --resume, beside --append where it was "
    "to add a session (--overwrite alone replaces the map)"
)


def open_journal(folder: Path) -> BinaryIO:
    """Open the journal in *folder*, made if missing, and hold it against every other build until it is closed.

    Raises:
        MapError: another process is busy with it, it is a link, or the file system knows no locks.
    """
    stream = _open(folder / JOURNAL_NAME)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise MapError(f"another build_map is writing {folder}, or an edit_map", "Wait for it or end it") from error
    except OSError as error:
        stream.close()
        raise MapError(
            f"{folder} cannot be locked against other builds ({error.strerror})",
            "Choose an --output on a local disk, and move the map afterwards",
        ) from error
    return stream


def has_work(folder: Path) -> bool:
    """Whether *folder* holds a build, and not what is left of a replaced map."""
    journal = folder / JOURNAL_NAME
    return journal.is_file() and journal.stat().st_size > 0


def has_build(folder: Path) -> bool:
    """Whether *folder* holds a build, and not what a killed edit left, which nobody goes on with.

    Raises:
        MapError: see ``open_journal``.
    """
    if not has_work(folder):
        return False
    with contextlib.closing(open_journal(folder)) as journal:
        first, *_ = complete_lines(journal) or [None]
    return not is_edit(first)


def complete_lines(stream: BinaryIO) -> list[Any]:
    """Read a journal up to its last complete line and cut off what follows."""
    stream.seek(0)
    lines: list[Any] = []
    end = 0
    for line in stream:
        try:
            lines.append(json.loads(line))
        except (ValueError, RecursionError):
            break
        if not line.endswith(b"\n"):
            lines.pop()
            break
        end += len(line)
    stream.truncate(end)
    stream.seek(0, os.SEEK_END)
    return lines


def is_edit(first: Any) -> bool:
    """Whether a journal that begins so is of an edit: what was done of one is worth nothing, for it is begun anew."""
    return isinstance(first, dict) and first.get("append") == EDITS


def rows_of(batch: Any) -> list[FrameRow]:
    """The frames of a batch, as its line in the journal has them; to be called within ``journal_errors``."""
    return [_row(fields) for fields in batch["rows"]]


@contextlib.contextmanager
def journal_errors(folder: Path) -> Iterator[None]:
    """Turn what stumbles over a journal that no build wrote into one error.

    Raises:
        MapError: the block stumbled over it.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MapError(f"{folder / JOURNAL_NAME} cannot be read ({short(error)})", START_AGAIN) from error


def check_inputs(folder: Path, found: Inputs, expected: Inputs) -> None:
    """Refuse to go on with a build of other inputs.

    Raises:
        MapError: what differs, or the journal in *folder* does not begin with inputs.
    """
    with journal_errors(folder):
        different = differences(found, expected)
        appends, wanted = found.get("append"), expected["append"]
    if appends != wanted:
        option = "--add-local" if wanted == ADDS_LOCAL else "--append"
        was, now = _BEGUN_AS.get(appends, (f"was no {option}", "leave it out"))
        raise MapError(
            f"the interrupted build in {folder} {was}",
            f"Resume it as it was begun: {now}. {option if wanted else '--append'} --overwrite gives it up and keeps "
            "the map",
        )
    if different:
        raise MapError(
            f"the interrupted build in {folder} was made from other inputs: {'; '.join(different)}",
            "Resume with the same source, model and options, or start again with --overwrite instead of --resume, "
            "beside --append where it was to add a session",
        )


def _open(path: Path) -> BinaryIO:
    """Open for reading and appending, but not what a link shows: it would be cut off where it is no journal."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise MapError(
            f"{path} is a link, which no build makes", f"Remove it: `rm {shlex.quote(str(path))}`"
        ) from error
    return os.fdopen(descriptor, "a+b")


def _row(fields: Sequence[Any]) -> FrameRow:
    stamp_ns, session, camera, *pose, name = fields
    x, y, z, qx, qy, qz, qw = (float(number) for number in pose)
    quat_xyzw = None if qx != qx else (qx, qy, qz, qw)  # noqa: PLR0124 - NaN marks an unknown orientation
    return FrameRow(int(stamp_ns), int(session), int(camera), Pose((x, y, z), quat_xyzw), str(name))
