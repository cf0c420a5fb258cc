# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``play`` and ``simulate`` publish large images as they arrive whole, without a variable of the user's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import GraphClient, RosProcess, TextureSource

from vpr_ros.ros.tools.dds_profile import PROFILE_VARIABLES, use_dds_profile
from vpr_ros.sources.bag_writer import write_bag

ROOT = Path(__file__).resolve().parents[3]
PROFILE = ROOT / "config" / "fastdds_large_images.xml"
SEGMENT_BYTES = 32 * 2**20
CHOSEN: dict[str, str | None] = dict.fromkeys(PROFILE_VARIABLES, "")
UNSET: dict[str, str | None] = dict.fromkeys(PROFILE_VARIABLES)


@pytest.fixture
def without_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in (*PROFILE_VARIABLES, "FASTDDS_BUILTIN_TRANSPORTS"):
        monkeypatch.setenv(name, "")  # so that it is put back, whatever is set meanwhile
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_the_shipped_profile_is_set_for_the_process(without_variables: pytest.MonkeyPatch) -> None:
    assert use_dds_profile() == PROFILE
    assert [os.environ[name] for name in PROFILE_VARIABLES] == [str(PROFILE)] * 2


@pytest.mark.parametrize("name", [*PROFILE_VARIABLES, "FASTDDS_BUILTIN_TRANSPORTS"])
@pytest.mark.parametrize("value", ["", "own"])
def test_a_choice_of_the_user_stays(without_variables: pytest.MonkeyPatch, name: str, value: str) -> None:
    without_variables.setenv(name, value)
    assert use_dds_profile() is None


def test_a_profile_in_the_working_directory_stays(without_variables: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "DEFAULT_FASTRTPS_PROFILES.xml").touch()
    assert use_dds_profile() is None


def largest_segment_bytes(pid: int) -> int:
    """The largest piece of Fast DDS's shared memory that the process has mapped."""
    sizes = [0]
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if re.search(r"/dev/shm/fast(rtps|dds)_", line):
            first, last = (int(address, 16) for address in line.split()[0].split("-"))
            sizes.append(last - first)
    return max(sizes)


@pytest.mark.parametrize("command", ["play", "simulate"])
@pytest.mark.parametrize("chosen", [False, True], ids=["nothing set", "chosen by the user"])
def test_the_player_s_segment_holds_large_images(
    command: str, chosen: bool, tmp_path: Path, start_process: Callable[..., RosProcess], client: GraphClient,
    without_variables: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if not Path("/dev/shm").is_dir():
        pytest.skip("no shared memory to look at")
    write_bag(tmp_path / "drive", (record.load() for record in TextureSource(2)))
    arguments = (str(tmp_path / "drive"),) if command == "play" else ()
    start = start_process(
        f"vpr_ros.ros.tools.{command}", *arguments, "--wait-for-subscriber", env=CHOSEN if chosen else UNSET
    )
    pid = start.process.pid  # a publisher of an earlier test may still be known, its memory is not this one's
    client.wait_for(lambda: client.node.count_publishers("/image") and largest_segment_bytes(pid), "the publisher")
    if chosen:
        assert largest_segment_bytes(pid) < SEGMENT_BYTES
    else:
        client.wait_for(lambda: largest_segment_bytes(pid) >= SEGMENT_BYTES, "a segment for large images")
