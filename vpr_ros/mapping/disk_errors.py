"""A disk that ends or refuses, told with what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vpr_ros.core.disk import FULL
from vpr_ros.core.errors import MapError
from vpr_ros.mapping.build_config import BuildConfig


@contextmanager
def disk_errors(partial: Path, config: BuildConfig, *, append: bool) -> Iterator[None]:
    """Turn an error of the disk into one a user can mend.

    Raises:
        MapError: an ``OSError`` came up.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise MapError(
                f"the disk is full ({error.strerror}) while writing {partial}; the map in place, if any, is untouched",
                _space_remedy(config, append),
            ) from error
        raise MapError(
            f"{error.filename or partial} cannot be used ({error.strerror or error})", _remedy(error, partial)
        ) from error


def _remedy(error: OSError, partial: Path) -> str:
    if error.errno == errno.ENAMETOOLONG:
        return "Choose a shorter --output: the build adds a few letters to its name"
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return f"Move it away, or choose another --output: the map grows in the folder {partial}"
    return "Check who may read and write it, and the disk"


def _space_remedy(config: BuildConfig, append: bool) -> str:
    """The two ways on. A session takes over the number type of the map it is added to."""
    free = "Free some space and run the same command with `--resume`"
    smaller = [
        *(["--float16"] if config.dtype != "float16" and not append else []),
        *(["--no-thumbnails"] if config.thumbnails else []),
    ]
    if not smaller:
        return free
    return (
        f"{free}, or start again in less space: the same command with "
        f"`--overwrite {' '.join(smaller)}` and without `--resume`"
    )
