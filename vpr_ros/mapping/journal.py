"""The journal of a build: its inputs, then a line for every finished batch; and the lock of who writes it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shlex
from pathlib import Path
from typing import Any, BinaryIO

from vpr_ros.core.errors import MapError

JOURNAL_NAME = "journal.jsonl"


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
        raise MapError(f"another build_map is writing {folder}", "Wait for it or end it") from error
    except OSError as error:
        stream.close()
        raise MapError(
            f"{folder} cannot be locked against other builds ({error.strerror})",
            "Choose an --output on a local disk, and move the map afterwards",
        ) from error
    return stream


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
