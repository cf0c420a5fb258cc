# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``benchmark_search``: the search of a map of up to a million frames, exact and with its index."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.disk import write_text
from vpr_ros.core.errors import ConfigError
from vpr_ros.evaluation.search.growth import SearchRow, growth, measure_growth
from vpr_ros.evaluation.search.on_server import remote_kinds
from vpr_ros.mapping.index_choice import ASKED, AUTO
from vpr_ros.mapping.likeness import Likeness
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.search import as_float32

EXAMPLE = """  %(prog)s my_map
  %(prog)s street_map kitchen_map --frames 1000 10000 100000 1000000 --folder /scratch --json search.json
  %(prog)s my_map --dim 3072"""
FEWEST_LIKE = 20
HEADER = (
    "  frames  index                                         p50 ms   p95 ms  bytes/frame   anon MiB mapped MiB"
    "  opening s  @1     @10    right  (exact)  indexing s"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; see ``run_command`` for the exit status."""
    return run_command(_benchmark, argv)


def build_parser() -> CommandParser:
    """The command line."""
    parser = CommandParser(
        "benchmark_search",
        "Measure the search of maps as large as one likes whose descriptors are distributed as those of MAP.",
        EXAMPLE,
    )
    parser.add_argument("maps", type=Path, nargs="+", metavar="MAP", help="real maps of one model")
    parser.add_argument(
        "--frames", type=int, nargs="+", default=[1000, 10_000, 100_000], metavar="N", help="sizes (%(default)s)"
    )
    parser.add_argument("--dim", type=int, metavar="D", help="numbers of a descriptor, more than MAP has")
    parser.add_argument("--queries", type=int, default=1000, metavar="N", help="asked of each (%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="at most, for each index (%(default)s)"
    )
    parser.add_argument(
        "--float32-up-to", type=int, default=100_000, metavar="N", help="frames of a float32 map (%(default)s)"
    )
    parser.add_argument("--index", default=AUTO, choices=ASKED, metavar="KIND", help="see build_map (%(default)s)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="room for the largest map (default: where /tmp is)")
    parser.add_argument(
        "--uri", default="", metavar="milvus://HOST:PORT/NAME", help="load them onto this server as well, as NAME_..."
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    return parser


def _benchmark(argv: Sequence[str]) -> None:
    options = build_parser().parse_args(argv)
    if min(options.frames) < 1 or options.queries < 1:
        raise ConfigError("--frames and --queries hold a number below 1", "Give 1 or more")
    kinds = remote_kinds(options.uri) if options.uri else ()  # before an hour is spent
    maps = [PlaceMap.open(path) for path in options.maps]
    likeness = _likeness(maps, options.dim)
    rows: list[SearchRow] = []
    with _room(options.folder) as folder:
        print(HEADER)
        for row in measure_growth(
            maps[0],
            likeness,
            sorted(options.frames),
            folder,
            options.queries,
            options.seconds,
            options.float32_up_to,
            lambda text: print(f"{text} ...", file=sys.stderr),
            dict.fromkeys(kinds, options.uri),
            options.index,
        ):
            rows.append(row)
            print(line(row), flush=True)
    grown = growth(rows)
    for one in grown:
        print(f"{one.what} grows as frames ^ {one.exponent:.2f}, from {one.since} on")
    if options.json is not None:
        report = {"rows": [row.to_dict() for row in rows], "growth": [vars(one) for one in grown]}
        write_text(options.json, json.dumps(report, indent=2) + "\n", ConfigError)


@contextmanager
def _room(parent: Path | None) -> Iterator[Path]:
    """A folder for the maps, as long as they are asked.

    Raises:
        ConfigError: nobody may write there, or the disk is full.
    """
    try:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="vpr_search_", dir=parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or parent or tempfile.gettempdir()} cannot be written ({error.strerror or error})",
            "Give a folder on a disk with room by --folder, or fewer --frames",
        ) from error


def line(row: SearchRow) -> str:
    """One line under ``HEADER``."""
    return (
        f"{row.frames:8d}  {row.index:44s} {row.p50_ms:8.2f} {row.p95_ms:8.2f} {row.bytes_per_frame:12.0f} "
        f"{row.anonymous_mib:10.1f} {row.mapped_mib:10.1f} {row.opening_s:10.2f}  "
        f"{row.recall_1:.3f}  {row.recall_10:.3f}  {row.right:.3f}  ({row.exact_right:.3f})  {row.indexing_s:8.1f}"
    )


def _likeness(maps: Sequence[PlaceMap], dim: int | None) -> Likeness:
    """Of all maps together.

    Raises:
        ConfigError: they say too little, are of several models, or have more numbers than were asked for.
    """
    if len({place_map.manifest.model.sha256 for place_map in maps}) > 1:
        raise ConfigError("the maps were built with several models", "Give maps of one")
    rows = np.concatenate([as_float32(place_map.descriptors) for place_map in maps])
    if len(rows) < FEWEST_LIKE:
        raise ConfigError(f"the maps have {len(rows)} frames, expected at least {FEWEST_LIKE}", "Give a larger one")
    likeness = Likeness.of(rows)
    if dim is None or dim == rows.shape[1]:
        return likeness
    if dim < rows.shape[1]:
        raise ConfigError(f"--dim is {dim}, the maps have {rows.shape[1]}", "Give as many or more")
    return likeness.widened(dim, np.random.default_rng(dim))


if __name__ == "__main__":
    raise SystemExit(main())
