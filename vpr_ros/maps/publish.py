"""Put a finished folder in the place of another, with a whole map on disk at every moment."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish(finished: Path, output: Path) -> None:
    """Make the folder *finished* the folder *output* (on the same file system), and remove what stood there.

    Raises:
        OSError: it could not be renamed; *output* is as it was.
    """
    _sync_tree(finished)
    if not output.exists():
        finished.rename(output)
        old = None
    elif _exchange(finished, output):
        old = finished
    else:
        old = _swap_in_two_steps(finished, output)
    _sync_folder(output.parent)
    if old is not None:
        shutil.rmtree(old)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where kernel, C library or file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def _swap_in_two_steps(finished: Path, output: Path) -> Path:
    old = output.parent / f".{output.name}.old"
    shutil.rmtree(old, ignore_errors=True)
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
