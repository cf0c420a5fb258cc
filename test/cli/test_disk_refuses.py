"""Commands that write, on a disk that is full or read-only: one line that names the file, and nothing half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from recorded_drive import write_drive

from vpr_ros.cli.build_map import main as build

ROOT = Path(__file__).resolve().parents[2]
FULL = 'mount -t tmpfs -o size=20k none "$1"; echo older > "$1/older"'
READ_ONLY = f'{FULL}; mount -o remount,ro "$1"'


def on_a_small_disk(disk: Path, mount: str, *command: object) -> subprocess.CompletedProcess[str]:
    """Run ``vpr_ros`` where a disk of 64 kB stands at *disk*; what is left on it is listed on stdout."""
    script = f'{mount}; shift; status=0; "$@" > /dev/null || status=$?; ls -A "$0"; exit $status'
    return subprocess.run(
        ["unshare", "-rm", "bash", "-ec", script, disk, disk, *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    if shutil.which("unshare") is None or on_a_small_disk(tmp_path, READ_ONLY, "true").returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    return tmp_path


@pytest.fixture(scope="module")
def place_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mapped")
    drive = write_drive(root / "drive", frames=6)
    assert build([str(drive), "--output", str(root / "map"), "--min-distance", "0", "--min-angle", "0"]) == 0
    return root / "map"


def check(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {said}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout.splitlines() == ["older"]


def vpr_ros(*arguments: object) -> Sequence[object]:
    return [sys.executable, "-m", "vpr_ros", *arguments]


@pytest.mark.parametrize(
    ("storage", "reason"),
    [
        ("mcap", "No space left on device"),
        ("sqlite3", "database or disk is full"),
        ("folder", "No space left on device"),
    ],
)
def test_simulate_on_a_full_disk(disk: Path, storage: str, reason: str) -> None:
    command = vpr_ros("simulate", "--distance-m", "5", "--record", disk / "drive", "--storage", storage)
    check(on_a_small_disk(disk, FULL, *command), f"the disk is full ({reason}) while writing {disk}/drive. Free some")


@pytest.mark.parametrize("storage", ["mcap", "folder"])
def test_simulate_on_a_read_only_disk(disk: Path, storage: str) -> None:
    command = vpr_ros("simulate", "--distance-m", "5", "--record", disk / "drive", "--storage", storage)
    done = on_a_small_disk(disk, READ_ONLY, *command)
    check(done, f"{disk}/drive cannot be written (Read-only file system). Check its folder's permissions")


@pytest.mark.parametrize(
    ("mount", "said"),
    [
        (FULL, "the disk is full (No space left on device) while writing {}"),
        (READ_ONLY, "{} cannot be written (Read-only file system)"),
    ],
    ids=["full", "read-only"],
)
def test_evaluate_and_inspect_map(disk: Path, place_map: Path, mount: str, said: str) -> None:
    outputs = (disk / "results", disk / "map.png")
    commands = (
        vpr_ros("evaluate", place_map, place_map.with_name("drive"), "--output", outputs[0]),
        vpr_ros("inspect_map", place_map, "--picture", outputs[1]),
    )
    with ThreadPoolExecutor(2) as pool:  # each sees a disk of its own
        done = pool.map(lambda command: on_a_small_disk(disk, mount, *command), commands)
        for output, one in zip(outputs, done, strict=True):
            check(one, said.format(output))


def test_a_read_only_folder_is_told_before_the_work(disk: Path, place_map: Path) -> None:
    command = vpr_ros("evaluate", place_map, "no/such/queries", "--output", disk / "deep" / "results")
    check(on_a_small_disk(disk, READ_ONLY, *command), f"{disk}/deep/results cannot be written (Read-only file system)")


def test_a_checkpoint(disk: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra .[train]")
    file = disk / "nano.safetensors"
    command = vpr_ros("convert_checkpoint", "--output", file)
    with ThreadPoolExecutor(2) as pool:  # each sees a disk of its own
        full, read_only = pool.map(lambda mount: on_a_small_disk(disk, mount, *command), (FULL, READ_ONLY))
    check(full, f"the disk is full (No space left on device) while writing {file}")
    check(read_only, f"{file} cannot be written (Read-only file system)")
