# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An edit of finished maps: the new one grows in a folder beside its place, and takes that place in one step.

Whoever is killed leaves the old map or the new one. What was done of a new one is thrown away, for it follows from the
old ones at little cost: the same command does it again.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpr_ros.core.disk import FULL
from vpr_ros.core.errors import MapError
from vpr_ros.mapping.build_inputs import EDITS, Inputs, differences
from vpr_ros.mapping.care.new_map import NewMap
from vpr_ros.mapping.growing_array import sync
from vpr_ros.mapping.journal import JOURNAL_NAME, complete_lines, has_build, is_edit, open_journal
from vpr_ros.mapping.output import check_output, is_free, resolved_output
from vpr_ros.mapping.recovery import is_done, put_back
from vpr_ros.mapping.transaction import partial_path, publish
from vpr_ros.maps.manifest import MANIFEST_NAME
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.place_map import PlaceMap

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Edit:
    """What is asked for.

    Attributes:
        name: of the action.
        maps: that the new one is made of.
        output: where it is put; one of *maps* for an edit in place.
        overwrite: what stands there may be replaced.
        options: all else that tells this edit from another.
    """

    name: str
    maps: tuple[Path, ...]
    output: Path
    overwrite: bool
    options: Mapping[str, Any]

    @property
    def is_in_place(self) -> bool:
        """Whether the output is one of the maps."""
        return any(self.output.exists() and path.exists() and path.samefile(self.output) for path in self.maps)

    @property
    def header(self) -> Inputs:
        """The first line of its journal."""
        maps = [str(path.absolute()) for path in self.maps]
        plain = {"append": EDITS, "edit": self.name, "maps": maps, "options": dict(self.options)}
        known: Inputs = json.loads(json.dumps(plain))
        return known


def carry_out(edit: Edit, make: Callable[[Sequence[PlaceMap]], NewMap]) -> PlaceMap | None:
    """Put what *make* makes of the maps at the output; None where an interrupted run of this very edit had done it.

    Args:
        edit: what is asked for.
        make: chooses; it is given the maps, of which every byte was verified.

    Raises:
        MapError: a map does not open or is damaged, something stands at the output, a build of it was interrupted,
            the disk is full, or what *make* raises.
    """
    output = resolved_output(edit.output, append=edit.is_in_place)
    partial = partial_path(output)
    with _disk_errors(partial):
        put_back(output)
        if _was_done(output, edit.header):
            return None
        _check_output(edit, output)
        for path in edit.maps:
            _check_not_being_built(path)
        with _own_folder(partial, output, edit.header):
            maps = [PlaceMap.open(path) for path in edit.maps]
            for place_map in maps:
                place_map.verify()  # or the damage would be sealed anew
            made = make(maps).write(partial)
            publish(partial, output)
            for warning in map_warnings(made):
                _LOG.warning("warning: %s", warning)
            opened = PlaceMap.open(output)
            (output / JOURNAL_NAME).unlink()  # last: see ``build_map``
    return opened


@contextmanager
def _own_folder(partial: Path, output: Path, header: Inputs) -> Iterator[None]:
    """Hold the folder *partial* against every other build and edit; a failure removes what was done in it."""
    if partial.is_symlink():
        raise MapError(f"{partial} is a link, which no edit makes", "Move it away, then run the command again")
    partial.mkdir(parents=True, exist_ok=True)
    with closing(open_journal(partial)) as journal:
        first, *_ = complete_lines(journal) or [None]
        if first is not None and not is_edit(first):
            raise _being_built(output, partial)
        try:
            journal.truncate(0)
            journal.write(json.dumps(header).encode() + b"\n")
            sync(journal)
            yield
        except BaseException:
            # The journal went with the new map where that has taken its place: what is left is then no longer ours.
            if (partial / JOURNAL_NAME).is_file():
                shutil.rmtree(partial, ignore_errors=True)
            raise


def _check_output(edit: Edit, output: Path) -> None:
    if edit.is_in_place and not edit.overwrite:
        raise MapError(
            f"{edit.output} is the map that is edited",
            "Add --overwrite to put the new one in its place, or choose another --output",
        )
    if not edit.overwrite and not is_free(output) and (output / MANIFEST_NAME).is_file():
        raise MapError(f"{output} exists", "Add --overwrite to replace it, or choose another --output")
    check_output(output, append=edit.is_in_place, overwrite=edit.overwrite, interrupted=False)
    if (output / MANIFEST_NAME).is_file():
        _check_not_being_built(output)


def _check_not_being_built(path: Path) -> None:
    for output in (path, path.resolve()):
        partial = partial_path(output)
        if has_build(partial):
            raise _being_built(output, partial)


def _being_built(output: Path, partial: Path) -> MapError:
    return MapError(
        f"a build of {output} is going on, or was interrupted and stands in {partial}",
        "Let it end, or finish it: the same build_map command with --resume",
    )


def _was_done(output: Path, header: Inputs) -> bool:
    """Whether this edit stands in its place already; what an interrupted one did not remove is removed."""
    if not (output / JOURNAL_NAME).is_file() or not (output / MANIFEST_NAME).is_file():
        return False
    with closing(open_journal(output)) as journal:
        first, *_ = complete_lines(journal) or [None]
    is_done(output, {}, append=False, resume=False)
    return is_edit(first) and not differences(first, header)


@contextmanager
def _disk_errors(partial: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise MapError(
                f"the disk is full ({error.strerror}) while writing {partial}; the maps are as they were",
                "Free some space and run the same command again, or choose an --output on another disk",
            ) from error
        raise MapError(
            f"{error.filename or partial} cannot be used ({error.strerror or error})",
            "Check who may read and write it, and the disk, or choose another --output",
        ) from error
