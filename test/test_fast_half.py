# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The fast half of the tests stays fast, and says something of every room of the robot's side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fast_half import TESTS, is_fast, no_second_python

ROOMS = ("core", "sources", "inference", "simulation", "maps", "localization", "mapping", "evaluation", "ros")


@pytest.mark.parametrize(
    ("file", "fixtures", "markers", "fast"),
    [
        ("maps/test_seal.py", ("copy",), (), True),
        ("maps/test_seal.py", ("copy",), ("slow",), False),
        ("ros/test_messages.py", (), (), True),
        ("ros/localizer/test_node.py", ("start_localizer", "ros_env"), (), False),
        ("models/test_gem.py", (), (), False),
        ("training/datasets/test_drives.py", (), (), False),
    ],
)
def test_what_is_fast(file: str, fixtures: tuple[str, ...], markers: tuple[str, ...], fast: bool) -> None:
    assert (TESTS / file).is_file()
    assert is_fast(TESTS / file, fixtures, markers) == fast


def test_a_fast_test_that_starts_python_fails_and_other_programs_run() -> None:
    with no_second_python():
        assert subprocess.run(["true"], check=False).returncode == 0
        for program in (sys.executable, Path(sys.executable)):
            with pytest.raises(AssertionError, match=r"pytest\.mark\.slow"):
                subprocess.run([program, "-c", "pass"], check=False)


@pytest.mark.slow
def test_every_room_of_the_robot_has_fast_tests_and_the_trainer_is_not_even_imported() -> None:
    command = [sys.executable, "-m", "pytest", "-W", "default", "-q", "-m", "fast", "--collect-only", str(TESTS)]
    listed = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent, timeout=120, check=False)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    names = [line.removeprefix("test/") for line in listed.stdout.splitlines() if "::" in line]
    counts = {room: sum(name.startswith(f"{room}/") for name in names) for room in ROOMS}
    assert min(counts.values()) > 10, counts
    assert not [name for name in names if name.startswith(("training/", "models/", "export/", "cli/"))]
