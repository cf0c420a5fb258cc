# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Builds a map again and again as processes that die by SIGKILL, each one step on disk later than the one before.

``dying_builder.py MODE RENAME FOLDER`` prints one JSON object for each death: what stands in the map's place, what
stands there after the same build was run once more with ``resume``, and what that reported; where nothing stood there,
also what opening the map said and what the command it gave put there. MODE is fresh, overwrite, append, local (local
features for the map) or edit (in place; two of its frames are kept).
RENAME is exchange, or two_steps for a file system that cannot exchange two names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from painted_wall import GridFeatures, PixelExtractor, WallSource

from vpr_ros.core.errors import MapError, VprError
from vpr_ros.mapping import BuildConfig, build_map, transaction
from vpr_ros.mapping.add_local import AddedLocal
from vpr_ros.mapping.build_config import BuildReport
from vpr_ros.mapping.builder import add_local
from vpr_ros.mapping.care.edit import Edit, carry_out
from vpr_ros.mapping.care.selection import selected
from vpr_ros.maps import PlaceMap

STEPS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "ctypes.dlsym")
"""What Python tells an audit hook about; the last stands for the exchange of two folders."""
OLD, NEW = [0.0, 0.5, 1.0], [10.0, 10.5, 11.0, 11.5]


def edit(output: Path) -> PlaceMap | None:
    """Keep the first frame and the last, however often it is asked for."""
    asked = Edit("drop", (output,), output, overwrite=True, options={})
    return carry_out(asked, lambda maps: selected(maps[0], np.unique([0, len(maps[0]) - 1])))


def build(output: Path, mode: str, *, resume: bool) -> BuildReport | AddedLocal | PlaceMap | None:
    """Build the new map at *output*, with a batch for every two frames."""
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, batch_size=2, workers=1, overwrite=mode == "overwrite")
    if mode == "fresh":
        config = replace(config, index="compressed")
    if mode == "edit":
        return edit(output)
    if mode == "local":
        return add_local(WallSource(OLD), PixelExtractor(), GridFeatures(), output, config, resume=resume)
    append = mode == "append"
    return build_map(
        WallSource(NEW), PixelExtractor(), output, config, append=append, resume=resume, local_model=GridFeatures()
    )


def resume(output: Path, mode: str, said: Path) -> None:
    """Build with ``resume`` and leave in the file *said* whether there was nothing left to do."""
    report = build(output, mode, resume=True)
    if isinstance(report, PlaceMap) or report is None:
        was_complete = report is None
    else:
        was_complete = report.added == 0 if isinstance(report, AddedLocal) else report.was_complete
    said.write_text("complete" if was_complete else "finished")


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
    """Let this process be killed just before its *step*-th step below *folder* that changes something.

    Before one that reads the disk is as before the next that writes.
    """
    left = step
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in STEPS or (event == "open" and str(folder) not in str(arguments[0])):
            return
        if event == "open" and not arguments[2] & writes:
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


def remedied(folder: Path, known: dict[str | None, str]) -> dict[str, str]:
    """What opening the map in *folder* says, and which map stands there after the command it gives, in a copy."""
    try:
        PlaceMap.open(folder)
    except MapError as error:
        command = re.search("`(mv [^`]+)`", error.remedy)
        if command is None:
            return {"said": str(error)}
        copy = folder.parent.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder.parent, copy)
        there = command[1].replace(str(folder.parent), str(copy))
        subprocess.run(there, shell=True, check=True)  # as a user would paste it
        return {"said": str(error), "moved": named(copy / folder.name, known)}
    return {}


def no_exchange(one: Path, other: Path) -> bool:
    """What a file system says that cannot exchange two names."""
    del one, other
    return False


def main(mode: str, rename: str, folder: Path) -> None:
    """Die at every step, one after the other, until a build comes to its end."""
    if rename == "two_steps":
        transaction._exchange = no_exchange
    old, whole, output = folder / "old", folder / "whole", folder / "work" / "map"
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1)
    before = None if mode == "local" else GridFeatures()
    in_a_child(lambda: build_map(WallSource(OLD), PixelExtractor(), old, config, local_model=before))
    if mode != "fresh":
        shutil.copytree(old, whole)
    in_a_child(lambda: build(whole, mode, resume=False))
    known: dict[str | None, str] = {None: "nothing", content(old): "old", content(whole): "new"}
    said = folder / "said"
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
        row = {"step": step, "status": status, "found": found, **remedied(output, known)}
        said.unlink(missing_ok=True)
        row["again"] = in_a_child(lambda: resume(output, mode, said))
        row["reported"] = said.read_text() if said.exists() else None
        row["then"] = named(output, known)
        row["left"] = sorted(path.name for path in output.parent.iterdir())
        print(json.dumps(row), flush=True)
        if status != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
