# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The shipped Fast DDS profile between two real processes."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from harness import GraphClient, RosProcess

ROOT = Path(__file__).resolve().parents[3]
PROFILE = ROOT / "config" / "fastdds_large_images.xml"
SEGMENT_BYTES = 32 * 2**20
SHARED_MEMORY = Path("/dev/shm")
BURSTS = 12
DEADLINE_S = 120.0

StartProcess = Callable[..., RosProcess]


@pytest.fixture
def stream(start_process: StartProcess) -> Callable[..., RosProcess]:
    def start(role: str, width: int, height: int) -> RosProcess:
        env = {
            "FASTRTPS_DEFAULT_PROFILES_FILE": str(PROFILE),
            "FASTDDS_DEFAULT_PROFILES_FILE": str(PROFILE),
            "PYTHONPATH": f"{Path(__file__).parents[1]}:{os.environ.get('PYTHONPATH', '')}",
        }
        return start_process("image_stream", role, str(width), str(height), str(BURSTS), env=env)

    return start


@pytest.fixture
def shared_memory() -> Callable[[], dict[str, int]]:
    """Fast DDS's segments by name, with their size in bytes."""
    if not SHARED_MEMORY.is_dir():
        pytest.skip("no shared memory to look at")

    def sizes() -> dict[str, int]:
        found = {}
        for file in SHARED_MEMORY.glob("fast*"):
            with contextlib.suppress(FileNotFoundError):  # of a process that ended meanwhile
                found[file.name] = file.stat().st_size
        return found

    return sizes


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080)])
def test_no_image_of_a_burst_is_lost(stream: Callable[..., RosProcess], width: int, height: int) -> None:
    """Five images at once, as when the receiver was busy: without the profile one of 1080p does not fit the segment."""
    stream("receive", width, height)
    publisher = stream("publish", width, height)
    assert publisher.process.wait(DEADLINE_S) == 0, publisher.output
    assert json.loads(publisher.output.splitlines()[-1]) == list(range(5 * BURSTS))


def test_the_profile_is_loaded(
    stream: Callable[..., RosProcess], client: GraphClient, shared_memory: Callable[[], dict[str, int]]
) -> None:
    before = shared_memory()
    receiver = stream("receive", 64, 48)
    client.wait_for(lambda: "ready" in receiver.output or not receiver.is_running, "the receiver")
    assert receiver.is_running, receiver.output
    new = {name: size for name, size in shared_memory().items() if name not in before}
    assert any(size >= SEGMENT_BYTES for size in new.values()), new


def test_segment_holds_five_large_images() -> None:
    tree = ElementTree.parse(PROFILE).getroot()
    sizes = [int(e.text or 0) for e in tree.iter() if e.tag.endswith("segment_size")]
    assert sizes == [SEGMENT_BYTES]
    assert sizes[0] >= 5 * 1920 * 1080 * 3
