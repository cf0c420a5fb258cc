"""A build on a disk that is full, at every page: a message with its remedy, the old map whole, and --resume helps."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from optional_parts import need

from vpr_ros.core.errors import MapError
from vpr_ros.mapping import BuildConfig
from vpr_ros.mapping.recovery import disk_errors

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
MOUNT = 'mount -t tmpfs -o size=2m none "$1"'
"""A disk of 2 MB that only this process and its children see, and that goes with them."""


def on_a_small_disk(disk: Path, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-rm", "bash", "-ec", f"{MOUNT}; {command}", "bash", disk, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": f"{HERE.parents[1]}:{HERE.parent}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    """What became of each way to build, two at a time; each has a disk of its own."""
    need("onnxruntime")
    modes = ("fresh", "overwrite", "append")
    run = 'exec "$2" "$3" "$4" "$1"'
    disks = [tmp_path_factory.mktemp(mode) for mode in modes]
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(
            lambda disk, mode: on_a_small_disk(disk, run, sys.executable, HERE / "full_disk_command.py", mode),
            disks,
            modes,
        )
        return dict(zip(modes, done, strict=True))


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


@pytest.mark.parametrize(
    ("mode", "frames", "smaller", "small"),
    [
        ("fresh", 16, "--float16 --no-thumbnails", {"dtype": "float16", "thumbnails": 0}),
        ("overwrite", 16, "--float16 --no-thumbnails", {"dtype": "float16", "thumbnails": 0}),
        ("append", 18, "--no-thumbnails", {"dtype": "float32", "thumbnails": 2}),
    ],
)
def test_both_commands_the_error_offers_make_the_map(
    disk: Path, request: pytest.FixtureRequest, mode: str, frames: int, smaller: str, small: dict[str, object]
) -> None:
    assert disk.is_dir()  # or this machine mounts none
    done = request.getfixturevalue("offered")[mode]
    assert done.returncode == 0, done.stderr
    space, restart = json.loads(done.stdout).items()
    made = {"frames": frames, "again": None, "left": ["map"]}
    assert space[0] == "--resume"
    assert space[1] == made | {"said": space[1]["said"], "dtype": "float32", "thumbnails": frames}
    assert restart[0] == f"--overwrite {smaller}"
    assert restart[1] == made | {"said": restart[1]["said"]} | small
    assert "and without `--resume`" in restart[1]["said"]


@pytest.mark.parametrize(
    ("config", "append", "offered"),
    [
        (BuildConfig(dtype="float16"), False, ["--resume", "--overwrite --no-thumbnails", "--resume"]),
        (BuildConfig(thumbnails=False), False, ["--resume", "--overwrite --float16", "--resume"]),
        (BuildConfig(dtype="float16", thumbnails=False), False, ["--resume"]),
        (BuildConfig(thumbnails=False), True, ["--resume"]),
    ],
)
def test_only_what_is_not_chosen_yet_is_offered(config: BuildConfig, append: bool, offered: list[str]) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(MapError) as caught, disk_errors(Path("map"), config, append=append):
        raise full
    assert re.findall("`([^`]+)`", caught.value.remedy) == offered
