"""Put a finished folder in the place of another, with both whole on disk until the new one stands there."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

from vpr_ros.core.errors import MapError
from vpr_ros.maps.manifest import replaced_path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish(finished: Path, output: Path) -> None:
    """Make the folder *finished* the folder *output* (on the same file system), and remove what stood there.

    Where two names cannot be exchanged in one step, the old map has the name ``replaced_path(output)`` for a moment,
    and who is killed then leaves it there: ``leftovers.put_back`` knows.

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


def resolved_output(output: Path, *, append: bool) -> Path:
    """Where a map that is called *output* is made: a link is followed to the map that is appended to, or to nothing.

    A link to a map that is replaced stays: it becomes the new map, and the old one is kept where it is.

    Raises:
        MapError: links that lead in a circle.
    """
    try:
        if not output.is_symlink():
            return output
        target = Path(os.path.realpath(output))
        if target.is_symlink():
            raise MapError(f"{output} is a link that leads to itself", "Remove it, or choose another --output")
        return target if append or is_free(target) else output
    except OSError as error:
        raise MapError(f"{output} cannot be read ({error.strerror or error})", "Choose another --output") from error


def is_free(output: Path) -> bool:
    """Whether a map can be put at *output* without replacing anything: nothing is there, or an empty folder."""
    return not output.exists() or (output.is_dir() and not output.is_symlink() and not any(output.iterdir()))


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
