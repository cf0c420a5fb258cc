"""After a build was killed, or the disk refused: what the next one finds, finishes and tells.

A map keeps the journal it was built with until all is removed that it replaced: one that has it still was published by
a build that was killed then. Whatever comes next finishes that first.
"""

from __future__ import annotations

import errno
import logging
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from vpr_ros.core.disk import FULL
from vpr_ros.core.errors import MapError
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.mapping.build_inputs import Inputs, differences, inputs_sha256, without_replaced
from vpr_ros.mapping.journal import JOURNAL_NAME, complete_lines, has_work, open_journal
from vpr_ros.mapping.transaction import partial_path, remove_replaced
from vpr_ros.maps.manifest import MANIFEST_NAME, read_manifest, replaced_path
from vpr_ros.maps.place_map import PlaceMap

_LOG = logging.getLogger(__name__)


def put_back(output: Path) -> None:
    """Give the map that was to be replaced its name back, where a replacement in two steps ended between them.

    Raises:
        MapError: a living process is between the two steps.
        OSError: it could not be renamed.
    """
    replaced = replaced_path(output)
    if output.exists() or not (replaced / MANIFEST_NAME).is_file():
        return
    if has_work(partial_path(output)):
        with closing(open_journal(partial_path(output))):
            replaced.rename(output)
    else:
        replaced.rename(output)
    _LOG.warning(
        "a build was interrupted while it replaced %s: the map is back in its place, from %s", output, replaced
    )


def is_done(output: Path, inputs: Inputs, *, append: bool, resume: bool) -> bool:
    """Whether there is nothing to resume, because the map of *inputs* stands in its place.

    Raises:
        MapError: the build to be resumed is complete, and was made from other inputs.
    """
    unfinished_work = has_work(partial_path(output))
    if (output / JOURNAL_NAME).is_file() and (output / MANIFEST_NAME).is_file():
        return _finish_publication(output, inputs, resume=resume and not unfinished_work)
    if not (append and resume) or unfinished_work or not (output / MANIFEST_NAME).is_file():
        return False
    return inputs_sha256(inputs) in {session.inputs_sha256 for session in read_manifest(output).sessions}


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


def _finish_publication(output: Path, inputs: Inputs, *, resume: bool) -> bool:
    with closing(open_journal(output)) as journal:
        found, *_ = complete_lines(journal) or [None]
        found = found if isinstance(found, dict) else None
        if resume and found is not None and (different := differences(found, without_replaced(inputs))):
            raise MapError(
                f"the interrupted build of {output} is complete, and was made from other inputs: "
                f"{'; '.join(different)}",
                "Nothing is left to resume: run the command without --resume",
            )
        for folder in (partial_path(output), replaced_path(output)):
            if folder.exists() and not has_work(folder):
                _check_whole(output, folder)
                remove_replaced(folder)
        (output / JOURNAL_NAME).unlink()
    return resume and found is not None


def _check_whole(output: Path, replaced: Path) -> None:
    try:
        PlaceMap.open(output)
    except MapError as error:
        raise MapError(
            f"{error.problem}; what it replaced is still in {replaced}",
            f"Move {output} away, then `mv {shlex.quote(str(replaced))} {shlex.quote(str(output))}`",
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
