"""A build on a disk that is full, at every page: a message with its remedy, the old map whole, and --resume helps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MOUNT = 'mount -t tmpfs -o size=2m none "$1"'
"""A disk of 2 MB that only this process and its children see, and that goes with them."""


def on_a_small_disk(disk: Path, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-rm", "bash", "-ec", f"{MOUNT}; {command}", "bash", disk, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    if shutil.which("unshare") is None or on_a_small_disk(tmp_path, "true").returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    return tmp_path


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_wherever_the_disk_ends_the_old_map_is_whole_and_space_and_resume_mend_it(disk: Path, mode: str) -> None:
    run = 'exec "$2" "$3" "$4" "$1"'
    done = on_a_small_disk(disk, run, sys.executable, HERE / "full_disk_builder.py", mode)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["pages"] for row in rows] == list(range(len(rows)))
    assert len(rows) >= 6
    for row in rows:
        assert "the disk is full (No space left on device) while writing" in row["said"]["problem"]
        assert "the map in place, if any, is untouched" in row["said"]["problem"]
        assert "Free some space and run the same command with `--resume`" in row["said"]["remedy"]
        assert row["found"] == "old"
        assert (row["again"], row["then"], row["left"]) == (None, "new", ["map"])
