"""How a command ends, and what it is called."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from vpr_ros.core.command import program, run_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("called_as", "name"),
    [
        ("/opt/ros/jazzy/lib/vpr_ros/build_map", "ros2 run vpr_ros build_map"),
        ("/opt/venv/bin/vpr_ros", "vpr_ros build_map"),
        ("vpr_ros", "vpr_ros build_map"),
        ("/usr/lib/python3/dist-packages/vpr_ros/__main__.py", "python -m vpr_ros build_map"),
    ],
)
def test_a_command_bears_the_name_it_was_called_by(called_as: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [called_as, "--help"])
    assert program("build_map") == name


@pytest.mark.parametrize(
    ("number", "file", "said"),
    [
        (errno.EACCES, "results/report.html", "error: results/report.html cannot be used (Permission denied)."),
        (errno.EROFS, "numbers.json", "error: numbers.json cannot be used (Read-only file system)."),
        (errno.ENOSPC, None, "error: what is printed, or a file, cannot be written (No space left on device)."),
    ],
)
def test_a_disk_that_refuses_is_one_line(
    number: int, file: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(_: Sequence[str]) -> None:
        raise OSError(number, os.strerror(number), file)

    assert run_command(command, []) == 2
    assert capsys.readouterr().err == f"{said} Free some space, or check its permissions.\n"


def test_another_failure_of_the_system_is_a_defect_and_keeps_its_traceback() -> None:
    def command(_: Sequence[str]) -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "of-our-own")

    with pytest.raises(FileNotFoundError):
        run_command(command, [])


PRINT = "import sys; from vpr_ros.core.command import run_command; sys.exit(run_command(lambda _: print({!r}), []))"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("printed", "reader", "status", "said"),
    [
        ("lies in a buffer until the end", "> /dev/full", 2, "error: what is printed, or a file, cannot be written"),
        ("longer than any buffer" * 10_000, "> /dev/full", 2, "error: what is printed, or a file, cannot be written"),
        ("longer than any buffer" * 10_000, "| true", 141, ""),
    ],
    ids=["short", "long", "nobody reads"],
)
def test_output_that_does_not_arrive_ends_it_without_a_traceback(
    printed: str, reader: str, status: int, said: str
) -> None:
    script = f'set -o pipefail; "$0" - {reader}'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], input=PRINT.format(printed),
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.partition(" (")[0]) == (status, said)
    assert done.stderr.count("\n") == (1 if said else 0)
