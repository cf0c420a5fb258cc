# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where a map is to be made, and what may stand there."""

from __future__ import annotations

import os
from pathlib import Path

from vpr_ros.core.errors import MapError
from vpr_ros.maps.manifest import MANIFEST_NAME


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


def check_output(output: Path, *, append: bool, overwrite: bool, interrupted: bool) -> None:
    """Refuse to put a map where something else stands.

    Args:
        output: where.
        append: the map is to be added to what stands there.
        overwrite: what stands there may be replaced.
        interrupted: a build of this map has asked before, and goes on.

    Raises:
        MapError: nothing to add to, no map, or one that nobody gave up.
    """
    if append and not output.exists():
        raise MapError(
            f"map {output} does not exist, so nothing can be added to it",
            "Build it first, without --append or --add-local",
        )
    if output.is_mount():
        raise MapError(
            f"{output} is where a disk is mounted, which a map cannot take the place of",
            f"Choose a folder inside it, for example {output / 'map'}",
        )
    if append or interrupted:
        return
    if is_free(output):
        _check_beside(output)
        return
    if not (output / MANIFEST_NAME).is_file():
        raise MapError(f"{output} exists and is not a map, so it is not replaced", "Choose another --output")
    if not overwrite:
        raise MapError(
            f"{output} exists", "Add --overwrite to replace it, --append to add a session, or choose another --output"
        )


def _check_beside(output: Path) -> None:
    """Refuse a new map in the folder of another, with which it would go when that is replaced."""
    here = output.resolve()
    around = next((folder for folder in here.parents if (folder / MANIFEST_NAME).is_file()), None)
    if around is not None:
        raise MapError(
            f"{output} lies inside the map {around}, with which it would go when that is replaced",
            f"Choose an --output beside it, for example {around.parent / here.name}",
        )
