# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Builds a map again and again on a disk that has one page more room than the time before.

``full_disk_builder.py MODE FOLDER`` prints one JSON object for each build that met the end of the disk: what it said,
what stands in the map's place, and what stands there after some files were removed and ``resume`` was tried. FOLDER
is the mount point of a small file system that holds nothing else. MODE is overwrite or append.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from dying_builder import OLD, build, content, named
from painted_wall import GridFeatures, PixelExtractor, WallSource

from vpr_ros.core.errors import MapError
from vpr_ros.mapping import BuildConfig, build_map

PAGE_BYTES = 4096


def leave(room_bytes: int, ballast: Path) -> None:
    """Fill the disk up to *room_bytes*, rounded to pages."""
    free = shutil.disk_usage(ballast.parent).free
    ballast.write_bytes(bytes(free - room_bytes))


def attempt(output: Path, mode: str, *, resume: bool) -> dict[str, str] | None:
    """Build; None on success, else what was said."""
    try:
        build(output, mode, resume=resume)
    except MapError as error:
        return {"problem": error.problem, "remedy": error.remedy}
    return None


def main(mode: str, folder: Path) -> None:
    """Meet the end of the disk at every page."""
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1)
    old, whole, output, ballast = folder / "old", folder / "whole", folder / "work" / "map", folder / "ballast"
    build_map(WallSource(OLD), PixelExtractor(), old, config, local_model=GridFeatures())
    shutil.copytree(old, whole)
    build(whole, mode, resume=False)
    known: dict[str | None, str] = {None: "nothing", content(old): "old", content(whole): "new"}
    for pages in range(1000):
        shutil.rmtree(output.parent, ignore_errors=True)
        output.parent.mkdir()
        shutil.copytree(old, output)
        leave(pages * PAGE_BYTES, ballast)
        said = attempt(output, mode, resume=False)
        found = named(output, known)
        ballast.unlink()
        if said is None:
            return
        again = attempt(output, mode, resume=True)
        left = sorted(path.name for path in output.parent.iterdir())
        row = {"pages": pages, "said": said, "found": found, "again": again, "then": named(output, known)}
        print(json.dumps(row | {"left": left}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
