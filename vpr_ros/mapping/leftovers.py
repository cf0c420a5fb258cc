"""What a killed build left beside the map after its own map was complete, and how the next one tidies up."""

from __future__ import annotations

import logging
import shlex
from contextlib import closing
from pathlib import Path

from vpr_ros.core.errors import MapError
from vpr_ros.mapping.build_inputs import Inputs, differences, inputs_sha256, without_replaced
from vpr_ros.mapping.journal import JOURNAL_NAME, complete_lines, open_journal
from vpr_ros.mapping.partial import partial_path
from vpr_ros.mapping.publish import remove_replaced
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

    A map keeps the journal it was built with until all is removed that it replaced: one that has it still was
    published by a build that was killed then. Whatever comes next finishes that first.

    Raises:
        MapError: the build to be resumed is complete, and was made from other inputs.
    """
    unfinished_work = has_work(partial_path(output))
    if (output / JOURNAL_NAME).is_file() and (output / MANIFEST_NAME).is_file():
        return _finish_publication(output, inputs, resume=resume and not unfinished_work)
    if not (append and resume) or unfinished_work or not (output / MANIFEST_NAME).is_file():
        return False
    return inputs_sha256(inputs) in {session.inputs_sha256 for session in read_manifest(output).sessions}


def has_work(partial: Path) -> bool:
    """Whether the folder *partial* holds a build, and not what is left of a replaced map."""
    journal = partial / JOURNAL_NAME
    return journal.is_file() and journal.stat().st_size > 0


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
