# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Writing to a disk that may end or refuse: an error that names the file, and files that are whole or not there."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from vpr_ros.core.errors import VprError

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DISK_REFUSES: Final = FULL | {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG}
"""What is the disk's doing, and never a defect of ours."""


def refusal(path: Path, cause: Exception, error_type: type[VprError]) -> VprError:
    """What to tell the user of a file that could not be written.

    Args:
        path: what the user asked for, not a temporary beside it.
        cause: what the disk, or a library that writes, said.
        error_type: the error to make.
    """
    reason = getattr(cause, "strerror", None) or str(cause)
    if getattr(cause, "errno", None) in FULL or "disk is full" in reason:
        return error_type(
            f"the disk is full ({reason}) while writing {path}",
            "Free some space, or give a place that has more",
        )
    return error_type(
        f"{path} cannot be written ({reason})", "Check its folder's permissions and the disk, or give another place"
    )


@contextmanager
def writing(path: Path, error_type: type[VprError]) -> Iterator[None]:
    """Turn an ``OSError`` of the block into *error_type*, which names *path*.

    Raises:
        VprError: *error_type*, see ``refusal``.
    """
    try:
        yield
    except OSError as cause:
        raise refusal(path, cause, error_type) from cause


@contextmanager
def new_file(path: Path, error_type: type[VprError]) -> Iterator[Path]:
    """Yield a temporary beside *path* that takes its place when the block ends well; else an older file stays.

    Whoever is killed, or loses power, leaves the old file or the new one. The new one may be read by who read the old
    one. Folders above it are made. What is no regular file (a pipe, ``/dev/stdout``) is yielded itself.

    Raises:
        VprError: *error_type*: the disk refused.
    """
    with writing(path, error_type):
        target = path.resolve()
        if target.exists() and not target.is_file():
            yield target
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _part(target, os.getpid())
        _remove_parts_of_the_dead(target)
        try:
            part.unlink(missing_ok=True)
            part.touch(exist_ok=False)  # a link of this name in somebody's folder is not followed
            yield part
            if target.exists():
                shutil.copymode(target, part)
            _to_disk(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _part(target: Path, pid: int | str) -> Path:
    return target.with_name(f".{target.stem}.{pid}.part{target.suffix}")  # libraries look at the suffix


def _remove_parts_of_the_dead(target: Path) -> None:
    """Whoever was killed while it wrote *target* left its temporary; what may not be removed harms nobody."""
    before, after = _part(target, "\0").name.split("\0")
    for left in target.parent.glob(".*.part*"):
        pid = left.name.removeprefix(before).removesuffix(after)
        if left.name == f"{before}{pid}{after}" and pid.isdecimal() and not _is_alive(int(pid)):
            with suppress(OSError):
                left.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def folder_beside(path: Path, error_type: type[VprError]) -> Iterator[Path]:
    """Yield a new folder on the disk of *path*, removed with all in it when the block ends.

    What is made there and renamed to *path* is whole or not there. Folders above it are made.

    Raises:
        VprError: *error_type*: the disk refused.
    """
    with writing(path, error_type):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            yield Path(folder)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold *folder* against everybody else who does: who reads and then writes does so one after the other.

    Whoever waited while another folder took this one's name holds that one. On a file system without locks, and where
    nothing has the name, nobody is held. Not twice in one process: it would wait for itself.
    """
    while True:
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            yield
            return
        try:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_same(descriptor, folder):
                yield
                return
        finally:
            os.close(descriptor)


def _is_same(descriptor: int, folder: Path) -> bool:
    """Whether what is open still has its name; what has none any more is as good as the same."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except OSError:
        return True


def _to_disk(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def write_text(path: Path, text: str, error_type: type[VprError]) -> None:
    """Write a file whole or not at all, UTF-8.

    Raises:
        VprError: *error_type*: the disk refused; an older file is left as it was.
    """
    with new_file(path, error_type) as part:
        part.write_text(text, encoding="utf-8")
