# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Runs ``build_map`` as a user does on a disk that is too small, and then each of the two commands its error offers.

``full_disk_command.py MODE FOLDER`` prints what was said and which maps came of it as one JSON object. FOLDER is the
mount point of a small file system that holds nothing else. MODE is fresh, overwrite or append.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import cv2
from full_disk_builder import leave
from painted_wall import paint, view

from vpr_ros.cli import build_map
from vpr_ros.maps import PlaceMap

OLD, NEW = 2, 16


def write_drive(folder: Path, start_m: float, frames: int) -> Path:
    """Pictures of the wall from *start_m* on, and where each was taken."""
    folder.mkdir()
    lines = ["file,x_m,y_m,yaw_deg"]
    for number in range(frames):
        name = f"{number:04d}.png"
        cv2.imwrite(str(folder / name), view(paint(), start_m + number))
        lines.append(f"{name},{start_m + number},0,90")
    (folder / "poses.csv").write_text("\n".join(lines) + "\n")
    return folder


def run(*command: object) -> str | None:
    """What ``build_map`` says on stderr, None on success."""
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        status = build_map.main([*map(str, command), "--no-local"])
    return said.getvalue() if status else None


def used_bytes(folder: Path) -> int:
    """What the files in *folder* take of the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


def described(path: Path) -> dict[str, Any]:
    """What tells one of the maps from the others."""
    manifest = PlaceMap.open(path).manifest
    return {"frames": manifest.frames, "dtype": manifest.dtype, "thumbnails": manifest.thumbnails}


def main(mode: str, folder: Path) -> None:
    """Measure the two sizes, leave room for something between them, and do what the error says."""
    old, new = write_drive(folder / "old", 0.0, OLD), write_drive(folder / "new", 20.0, NEW)
    work, ballast = folder / "work", folder / "ballast"
    how = {"fresh": [], "overwrite": ["--overwrite"], "append": ["--append"]}[mode]

    def prepared(*options: str) -> list[object]:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        if mode != "fresh":
            run(old, "--output", work / "map")
        return [new, "--output", work / "map", *how, *options]

    small = ["--no-thumbnails"] if mode == "append" else ["--float16", "--no-thumbnails"]
    sizes = []
    for options in (small, []):
        assert run(*prepared(*options)) is None
        sizes.append(used_bytes(work / "map"))
    results = {}
    for offer in (0, 1):
        command = prepared()
        leave(sum(sizes) // 2, ballast)
        said = run(*command)
        offered = re.findall("`([^`]+)`", said or "")
        if offer == 0:  # it asks for space
            ballast.unlink()
        again = run(*command, *offered[offer].split())
        results[offered[offer]] = {"said": said, "again": again, **described(work / "map")}
        results[offered[offer]]["left"] = sorted(path.name for path in work.iterdir())
        ballast.unlink(missing_ok=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
