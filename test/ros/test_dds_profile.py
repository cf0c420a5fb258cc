"""The shipped Fast DDS profile between two real processes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from harness import RosProcess

ROOT = Path(__file__).resolve().parents[2]
PROFILE = ROOT / "config" / "fastdds_large_images.xml"
SEGMENT_BYTES = 32 * 2**20
SHARED_MEMORY = Path("/dev/shm")
COUNT = 60
ATTEMPTS = 3

StartProcess = Callable[..., RosProcess]


@pytest.fixture
def stream(start_process: StartProcess) -> Callable[..., RosProcess]:
    def start(role: str, width: int, height: int) -> RosProcess:
        env = {
            "FASTRTPS_DEFAULT_PROFILES_FILE": str(PROFILE),
            "FASTDDS_DEFAULT_PROFILES_FILE": str(PROFILE),
            "PYTHONPATH": f"{Path(__file__).parent}:{os.environ.get('PYTHONPATH', '')}",
        }
        return start_process("image_stream", role, str(width), str(height), str(COUNT), env=env)

    return start


def received(stream: Callable[..., RosProcess], width: int, height: int) -> list[int]:
    receiver = stream("receive", width, height)
    publisher = stream("publish", width, height)
    assert publisher.process.wait(60) == 0, publisher.output
    assert receiver.process.wait(60) == 0, receiver.output
    numbers: list[int] = json.loads(receiver.output.splitlines()[-1])
    return numbers


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080)])
def test_images_at_30_hz_arrive_without_loss(stream: Callable[..., RosProcess], width: int, height: int) -> None:
    """Without the profile a quarter or less arrives, so that no attempt passes by luck; a busy machine may need two."""
    counts = []
    for _ in range(ATTEMPTS):
        counts.append(len(received(stream, width, height)))
        if counts[-1] == COUNT:
            return
    raise AssertionError(f"of {COUNT} images arrived {counts}")


def test_the_profile_is_loaded(stream: Callable[..., RosProcess], tmp_path: Path) -> None:
    if not SHARED_MEMORY.is_dir():
        pytest.skip("no shared memory to look at")
    before = {file.name for file in SHARED_MEMORY.iterdir()}
    receiver = stream("receive", 64, 48)
    while "ready" not in receiver.output:
        assert receiver.is_running, receiver.output
    new = [file for file in SHARED_MEMORY.iterdir() if file.name not in before and file.name.startswith("fast")]
    assert any(file.stat().st_size >= SEGMENT_BYTES for file in new), [(f.name, f.stat().st_size) for f in new]


def test_segment_holds_five_large_images() -> None:
    tree = ElementTree.parse(PROFILE).getroot()
    sizes = [int(e.text or 0) for e in tree.iter() if e.tag.endswith("segment_size")]
    assert sizes == [SEGMENT_BYTES]
    assert sizes[0] >= 5 * 1920 * 1080 * 3
