# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``build_map --reindex MAP``: the index of a finished map, made anew from its descriptors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vpr_ros.cli.progress import progress_bar
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import MapError, VprError
from vpr_ros.core.option_arguments import add_option, config_from
from vpr_ros.mapping import BuildConfig
from vpr_ros.mapping.index_build import reindex
from vpr_ros.mapping.upkeep import check_no_build
from vpr_ros.maps.index_entry import reindex_remedy
from vpr_ros.maps.manifest import read_manifest
from vpr_ros.maps.map_warnings import index_warning
from vpr_ros.maps.remote.address import is_remote

REINDEX: Final = "--reindex"

EXAMPLE = """  %(prog)s --reindex my_map
  %(prog)s --reindex my_map --index lists --recall 0.995
  %(prog)s --reindex my_map --index milvus://localhost:19530/my_map"""


def add_index_options(group: argparse._ArgumentGroup) -> None:
    """What is asked of the index of a map, new or not."""
    add_option(group, BuildConfig, "index", "KIND")
    add_option(group, BuildConfig, "recall", "SHARE")


def reindex_map(argv: Sequence[str]) -> None:
    """Make the index anew and say what it is.

    Raises:
        VprError: anything the user can mend.
    """
    parser = CommandParser("build_map", "Make the index of MAP anew from its descriptors.", EXAMPLE)
    parser.add_argument(REINDEX, type=Path, required=True, metavar="MAP", help="map folder made by build_map")
    add_index_options(parser.add_argument_group("which index"))
    arguments = parser.parse_args(argv)
    config = config_from(BuildConfig, arguments)
    check_no_build(arguments.reindex, "make the index")
    with progress_bar("indexing") as progress:
        place_map = reindex(arguments.reindex, config.index, config.recall, progress)
    entry = place_map.manifest.index
    print(f"{place_map.path}: {len(place_map)} frames, index {'exact' if entry is None else entry.words}")
    if warning := index_warning(place_map):
        print(f"warning: {warning}")


def load_where_asked(path: Path) -> None:
    """Load the finished map in *path* onto the server that was asked for as its index, if one was.

    Raises:
        VprError: it could not be loaded; the map is whole, and searched as one without an index.
    """
    entry = read_manifest(path).index
    if entry is None or entry.kind == "remote" or not is_remote(entry.asked):
        return
    try:
        with progress_bar("loading") as progress:
            entry = reindex(path, None, None, progress).manifest.index
    except VprError as error:
        later = f"{reindex_remedy(path)}, which goes on where this stopped; until then every descriptor is asked"
        raise MapError(f"the map is complete, but not loaded: {error.problem}", f"{error.remedy}. {later}") from error
    print(f"index {'exact' if entry is None else entry.words}")
