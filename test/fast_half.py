# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The fast half of the tests: what needs no ROS process, no training and no second Python.

A test is fast unless it lies in a folder that is slow as a whole, uses a fixture of the ROS graph, or is marked
``slow``. Who starts Python again in a fast test is stopped there, so that the half stays fast by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
SLOW_FOLDERS = {"cli", "export", "gpu", "models", "training"}
"""Whole commands, whatever imports torch, and what needs a GPU."""
SLOW_FIXTURES = {"ros_env"}
"""A ROS graph; every fixture that starts a process of it asks for this one."""


def is_fast(test_file: Path, fixtures: Collection[str], markers: Collection[str]) -> bool:
    """Whether a test belongs to the fast half."""
    if TESTS not in test_file.resolve().parents:
        return False  # a file that a test made
    folder = test_file.resolve().relative_to(TESTS).parts[0]
    return folder not in SLOW_FOLDERS and SLOW_FIXTURES.isdisjoint(fixtures) and "slow" not in markers


@contextmanager
def no_second_python() -> Iterator[None]:
    """Fail where a process of Python is started: a second of imports and more, each time."""
    start = subprocess.Popen.__init__

    def start_other_programs(process: subprocess.Popen[Any], args: Any, *more: Any, **options: Any) -> None:
        program = args if isinstance(args, str | bytes | os.PathLike) else args[0]
        if os.fsdecode(program) == sys.executable:
            raise AssertionError("a test of the fast half starts Python: mark it with pytest.mark.slow")
        start(process, args, *more, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", start_other_programs)
        yield
