# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Imported before every test module: vpr_ros switches ONNX Runtime's telemetry off, and must come first for that.

A test that needs what is not installed is skipped with the reason, wherever it finds out.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fast_half import SLOW_FOLDERS, is_fast, no_second_python
from gpu_device import STANDS_IN
from gpu_table import why_no_device
from optional_parts import what_is_missing

import vpr_ros  # noqa: F401

if TYPE_CHECKING:
    from vpr_ros.maps import PlaceMap

collect_ignore: list[str] = []  # read by pytest
BEGUN = pytest.StashKey[bool]()
GIVES_WAY = 5


def pytest_configure(config: pytest.Config) -> None:
    """Warnings fail our own runs; under colcon the libraries are those of the distribution, years older."""
    if "COLCON" in os.environ:
        config.addinivalue_line("filterwarnings", "default")
    if config.option.markexpr == "fast":  # importing torch costs more than many fast tests
        collect_ignore.extend(sorted(SLOW_FOLDERS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one file stay together, and all that talk over DDS: side by side they wait too long."""
    scheduling: Any = sys.modules["xdist.scheduler"].LoadFileScheduling  # it asks, so it is there

    class RosTogether(scheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "test/ros" if file.startswith("test/ros/") else file

    return RosTogether(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where none answers.

    What talks over DDS has deadlines: a worker that begins with anything else leaves it the processor.
    """
    if item.get_closest_marker("gpu") and not STANDS_IN and (reason := why_no_device()):
        pytest.skip(reason)
    if "PYTEST_XDIST_WORKER" in os.environ and BEGUN not in item.config.stash:
        item.config.stash[BEGUN] = True
        if not item.nodeid.startswith("test/ros/"):
            os.nice(GIVES_WAY)


def pytest_itemcollected(item: Any) -> None:
    """Mark the fast half."""
    fixtures, markers = getattr(item, "fixturenames", ()), {marker.name for marker in item.iter_markers()}
    if is_fast(Path(str(item.fspath)), fixtures, markers):
        item.add_marker("fast")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    with no_second_python() if item.get_closest_marker("fast") else nullcontext():
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: Any) -> Iterator[None]:
    outcome: Any = yield
    _skip_without(outcome.get_result(), getattr(outcome.get_result(), "call", None), str(collector.nodeid))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    outcome: Any = yield
    _skip_without(outcome.get_result(), call, str(item.nodeid))


def _skip_without(report: Any, call: Any, where: str) -> None:
    reason = what_is_missing(call.excinfo.value) if report.failed and call and call.excinfo else None
    if reason is not None:
        report.outcome, report.longrepr = "skipped", (where, None, f"Skipped: {reason}")


@pytest.fixture(scope="session")
def wall_map(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """80 frames, half a metre apart. Do not write into it: copy the folder first."""
    from painted_wall import build_wall_map  # a test that needs no more of it is then skipped with the reason

    return build_wall_map(tmp_path_factory.mktemp("wall") / "map")


@pytest.fixture
def copy(wall_map: PlaceMap, tmp_path: Path) -> Path:
    """A copy of ``wall_map`` that a test may damage."""
    return Path(shutil.copytree(wall_map.path, tmp_path / "map"))
