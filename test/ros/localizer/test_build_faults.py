# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A map that is built anew while a robot uses it: whatever stops the build, the robot goes on and says so in time."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import DEADLINE_S, SPACING_M, Diagnostics, FakeCamera, GraphClient, RosProcess, StartNode, texture
from std_srvs.srv import Trigger

from vpr_ros.maps import PlaceMap

NODE = "/vpr_localizer"
OK, WARN = 0, 1
ROOT = Path(__file__).resolve().parents[3]
GATES = ("--min-distance", "0", "--min-angle", "0")
PLACES = 12
SMALL_FILE_BYTES = 20_000
"""Less than the descriptors of the map, whatever the model."""


def write_drive(
    folder: Path, places: int = PLACES, x_m: Callable[[int], float] = lambda place: SPACING_M * place
) -> Path:
    """Images of textures and where each was seen."""
    folder.mkdir()
    lines = ["file,x_m,y_m,yaw_deg"]
    for place in range(places):
        assert cv2.imwrite(str(folder / f"{place:03d}.png"), texture(place)[..., ::-1])
        lines.append(f"{place:03d}.png,{x_m(place)},0,0")
    (folder / "poses.csv").write_text("\n".join(lines) + "\n")
    return folder


def start_build(*arguments: object, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vpr_ros.cli.build_map", *map(str, arguments), *GATES],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509  # only sets a limit and a signal
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and what stood on stderr."""
    _, error = process.communicate(timeout=120)
    return process.returncode, error


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def small_files() -> None:
    """As if the disk were full after a few pages of each file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, SMALL_FILE_BYTES))


@pytest.fixture
def in_use(tmp_path: Path) -> Path:
    """A map built by the command."""
    path = tmp_path / "map"
    status, error = finished(start_build(write_drive(tmp_path / "drive"), "--output", path))
    assert status == 0, error
    return path


class Robot:
    """A node on a map, with a camera that goes on all the time."""

    def __init__(self, path: Path, start: StartNode, client: GraphClient, diagnostics: Diagnostics) -> None:
        self.process: RosProcess = start(map=path)
        self._client, self._diagnostics = client, diagnostics
        self._camera = FakeCamera(client)
        self._camera.place = 5
        self._poses = client.collect(PoseWithCovarianceStamped, f"{NODE}/pose")

    def answers_at(self, x_m: float) -> bool:
        """Whether the next poses are here, from a node that is alive."""
        seen = len(self._poses)
        self._client.wait_for(lambda: len(self._poses) > seen + 2, "poses", self._camera.publish)
        assert self._client.call(Trigger, f"{NODE}/reset").success
        return self.process.is_running and abs(self._poses[-1].pose.pose.position.x - x_m) < 0.5

    def wait_for_map(self, level: int, *words: str) -> None:
        self._client.wait_for(
            lambda: (
                self._diagnostics.level("map") == level
                and all(word in self._diagnostics.message("map") for word in words)
            ),
            f"the map's entry to be at level {level} and say {words}",
            self._camera.publish,
        )


@pytest.fixture
def robot(in_use: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics) -> Robot:
    robot = Robot(in_use, start_localizer, client, diagnostics)
    assert robot.answers_at(5 * SPACING_M)
    return robot


def test_a_build_that_fails_leaves_robot_and_map_as_they_were(tmp_path: Path, in_use: Path, robot: Robot) -> None:
    before = digest(in_use)
    again = ("--output", in_use, "--overwrite")
    status, error = finished(start_build(tmp_path / "drive", *again, before=small_files))
    assert status == 2
    assert error.count("\n") == 1
    for words in ("the disk is full", "the map in place, if any, is untouched", "Free some space", "--resume"):
        assert words in error
    nowhere = write_drive(tmp_path / "nowhere", 3, lambda _: float("nan"))
    status, error = finished(start_build(nowhere, *again))
    assert status == 2
    assert error.count("\n") == 1
    for words in ("none of the 3 images", "3 not finite", "poses.csv"):
        assert words in error
    assert digest(in_use) == before
    PlaceMap.open(in_use).verify()
    robot.wait_for_map(OK, f"{PLACES} frames")
    assert robot.answers_at(5 * SPACING_M)


def test_a_killed_build_leaves_robot_and_map_as_they_were_and_its_end_is_told(
    tmp_path: Path, in_use: Path, robot: Robot, client: GraphClient
) -> None:
    before = digest(in_use)
    drive = write_drive(tmp_path / "longer", 80, lambda place: 100.0 + SPACING_M * place)
    again = (drive, "--output", in_use, "--overwrite")
    build = start_build(*again)
    journal = tmp_path / ".map.partial" / "journal.jsonl"
    deadline_s = time.monotonic() + DEADLINE_S
    while not journal.is_file() or journal.read_text().count("\n") < 3:
        assert build.poll() is None, build.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    build.kill()
    assert finished(build)[0] == -signal.SIGKILL
    assert digest(in_use) == before
    robot.wait_for_map(OK, f"{PLACES} frames")
    assert robot.answers_at(5 * SPACING_M)
    status, error = finished(start_build(*again, "--resume"))
    assert status == 0, error
    robot.wait_for_map(WARN, f"{in_use} was replaced on disk", "goes on with the opened one", "set the parameter map")
    assert robot.answers_at(5 * SPACING_M)
    assert client.set_parameter(NODE, "map", str(in_use)).successful
    robot.wait_for_map(OK, "80 frames")
    assert robot.answers_at(100.0 + 5 * SPACING_M)


def test_poses_that_are_no_numbers_are_left_out_counted_and_never_published(
    tmp_path: Path, start_localizer: StartNode, client: GraphClient, diagnostics: Diagnostics
) -> None:
    path = tmp_path / "map"
    holes = write_drive(
        tmp_path / "holes", PLACES, lambda place: float("nan") if place in (4, 6) else SPACING_M * place
    )
    build = start_build(holes, "--output", path)
    output, error = build.communicate(timeout=120)
    assert build.returncode == 0, error
    assert "2 not finite" in output
    position_m = PlaceMap.open(path).frames.position_m
    assert len(position_m) == PLACES - 2
    assert np.isfinite(position_m).all()
    assert Robot(path, start_localizer, client, diagnostics).answers_at(5 * SPACING_M)
