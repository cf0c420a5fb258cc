"""Builds a map again and again as processes that die by SIGKILL, each one step on disk later than the one before.

``dying_builder.py MODE FOLDER`` prints one JSON object for each death: what stands in the map's place, and what stands
there after the same build was run once more with ``resume``. MODE is fresh, overwrite or append.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from painted_wall import PixelExtractor, WallSource

from vpr_ros.core.errors import VprError
from vpr_ros.maps import BuildConfig, PlaceMap, build_map

STEPS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "ctypes.dlsym")
"""What Python tells an audit hook about; the last stands for the exchange of two folders."""
OLD, NEW = [0.0, 0.5, 1.0], [10.0, 10.5, 11.0, 11.5]


def build(output: Path, mode: str, *, resume: bool) -> None:
    """Build the new map at *output*, with a batch for every two frames."""
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, batch_size=2, workers=1, overwrite=mode == "overwrite")
    build_map(WallSource(NEW), PixelExtractor(), output, config, append=mode == "append", resume=resume)


def in_a_child(work: Callable[[], object]) -> int:
    """Do *work* in a process of its own; 0, or minus the signal that ended it, or 1 after an error."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except VprError as error:
            print(f"{error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_before(step: int, folder: Path) -> None:
    """Let this process be killed just before its *step*-th step below *folder*."""
    left = step

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in STEPS or (event == "open" and str(folder) not in str(arguments[0])):
            return
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    sys.addaudithook(hook)


def content(folder: Path) -> str | None:
    """A hash of all that makes the map, without the times in its manifest; None where there is none."""
    if not folder.exists():
        return None
    PlaceMap.open(folder).verify()
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("manifest.yaml", "journal.jsonl"):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def named(folder: Path, known: dict[str | None, str]) -> str:
    """Which of the known maps stands at *folder*, or what is wrong with it."""
    try:
        return known.get(content(folder), "something else")
    except VprError as error:
        return str(error)


def main(mode: str, folder: Path) -> None:
    """Die at every step, one after the other, until a build comes to its end."""
    old, whole, output = folder / "old", folder / "whole", folder / "work" / "map"
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1)
    in_a_child(lambda: build_map(WallSource(OLD), PixelExtractor(), old, config))
    if mode != "fresh":
        shutil.copytree(old, whole)
    in_a_child(lambda: build(whole, mode, resume=False))
    known: dict[str | None, str] = {None: "nothing", content(old): "old", content(whole): "new"}
    for step in range(1000):
        shutil.rmtree(output.parent, ignore_errors=True)
        output.parent.mkdir()
        if mode != "fresh":
            shutil.copytree(old, output)

        def killed(step: int = step) -> None:
            die_before(step, folder)
            build(output, mode, resume=False)

        status = in_a_child(killed)
        found = named(output, known)
        again = in_a_child(lambda: build(output, mode, resume=True)) if found != "new" else None
        left = sorted(path.name for path in output.parent.iterdir())
        row = {"step": step, "status": status, "found": found, "again": again, "then": named(output, known)}
        print(json.dumps(row | {"left": left}), flush=True)
        if status != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
