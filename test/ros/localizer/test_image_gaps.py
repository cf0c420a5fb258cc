# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images that never came: told from the middleware's events and from the stamps, and not from a slow camera."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from harness import Diagnostics, GraphClient, RosProcess, StartNode

from vpr_ros.ros.localizer.image_gaps import PROFILE_REMEDY, ImageGaps, lost_now, missing_between

ROOT = Path(__file__).resolve().parents[3]
OK, WARN = 0, 1
PERIOD_NS = 100_000_000


def stamps(*numbers: int, jitter_ns: int = 0) -> tuple[int, ...]:
    """Of these images of a camera at 10 Hz."""
    rng = np.random.default_rng(1)
    return tuple(10**18 + PERIOD_NS * n + int(rng.integers(-jitter_ns, jitter_ns + 1)) for n in numbers)


@pytest.mark.parametrize("jitter_ns", [0, 3_000_000])
def test_missing_images_are_counted_between_the_stamps(jitter_ns: int) -> None:
    came = [n for n in range(40) if n not in {3, 4, 9, 17, 18, 19, 30, 33}]
    intervals, missing, period_s = missing_between(stamps(*came, jitter_ns=jitter_ns))
    assert (intervals, missing) == (31, 8)
    assert period_s == pytest.approx(0.1, rel=0.05)


def test_three_of_four_lost_at_random_are_still_seen() -> None:
    came = sorted(np.random.default_rng(2).choice(200, 50, replace=False).tolist())
    intervals, missing, _ = missing_between(stamps(*came))
    assert intervals + missing == came[-1] - came[0]


def test_whole_streams_and_cameras_without_a_period_lack_nothing() -> None:
    assert missing_between(stamps(*range(40), jitter_ns=10_000_000))[1] == 0
    for seed in range(50):
        moved = np.cumsum(np.random.default_rng(seed).uniform(0.1, 3.0, 50)) * 1e9
        assert missing_between(tuple(int(stamp) for stamp in moved))[1] == 0


def test_a_camera_on_a_busy_machine_lacks_nothing() -> None:
    """Its intervals are as long as they happen to be, and never shorter than its period."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        late_s = rng.exponential(0.05, 50) * (rng.random(50) < 0.5)
        sent = np.cumsum(0.05 + rng.uniform(0.0, 0.015, 50) + late_s) * 1e9
        assert missing_between(tuple(int(stamp) for stamp in sent))[1] == 0


def test_few_images_tell_nothing() -> None:
    assert missing_between(stamps(0, 1, 2, 9)) == (0, 0, 0.0)


def test_a_recording_that_starts_over_is_no_gap() -> None:
    gaps = ImageGaps()
    for _ in range(2):
        for stamp_ns in stamps(*range(15)):
            gaps.arrived(stamp_ns)
    assert gaps.fault() == ""


def test_a_pause_is_no_gap_and_neither_is_another_rate() -> None:
    gaps = ImageGaps()
    second_run = 10**18 + 12 * 10**9
    for stamp_ns in (*stamps(*range(45)), *(second_run + PERIOD_NS * n for n in (0, 1, 2, 4, 5, 6))):
        gaps.arrived(stamp_ns)
    assert gaps.fault() == ""
    slower = [10**18 + 2 * PERIOD_NS * n for n in range(15)]
    assert missing_between((*slower, *(slower[-1] + PERIOD_NS * n for n in range(1, 30))))[1] == 0


def test_missing_stamps_are_a_fault_with_what_was_expected() -> None:
    gaps = ImageGaps()
    for stamp_ns in stamps(*(n for n in range(60) if n % 3 != 1)):
        gaps.arrived(stamp_ns)
    fault = gaps.fault()
    assert fault.startswith("20 of 59 images are missing between the stamps, one every 0.1 s")
    assert fault.endswith(f"{PROFILE_REMEDY}.")


def test_lost_images_are_a_fault_and_a_single_one_is_none() -> None:
    gaps = ImageGaps()
    for _ in range(7):
        gaps.arrived(0)
    gaps.lost(1)
    assert gaps.fault() == ""
    gaps.lost(68)
    assert gaps.fault() == f"69 of 76 images of the last 10 s were lost on the way. {PROFILE_REMEDY}."


@pytest.mark.parametrize(
    ("change", "counted"),
    [(1, 1), (3, 3), (0, 0), (18446744071562067968, 1), (2**31 - 1, 1), (-(2**31), 1), (2**32 - 1, 1)],
)
def test_a_counter_that_overflowed_is_not_passed_on(change: int, counted: int) -> None:
    assert lost_now(SimpleNamespace(total_count=18446744071562067968, total_count_change=change)) == counted


Start = Callable[..., RosProcess]


@pytest.fixture
def stream(start_process: Start) -> Callable[[int, int, str], RosProcess]:
    """A camera driver at 30 Hz on /stream with this DDS profile, "" for none."""

    def start(width: int, height: int, profile: str) -> RosProcess:
        own = {"FASTRTPS_DEFAULT_PROFILES_FILE": profile, "FASTDDS_DEFAULT_PROFILES_FILE": profile}
        own["PYTHONPATH"] = f"{Path(__file__).parents[1]}:{os.environ.get('PYTHONPATH', '')}"
        return start_process("image_stream", "film", str(width), str(height), "600", env=own)

    return start


def test_a_publisher_without_the_profile_is_noticed(
    texture_map: Path, start_localizer: StartNode, stream: Start, client: GraphClient, diagnostics: Diagnostics
) -> None:
    """Images of 6 MB do not fit into a segment of 512 kB."""
    process = start_localizer("-r", "image:=/stream", map=texture_map)
    stream(1920, 1080, "")
    client.wait_for(lambda: "were lost on the way" in diagnostics.message("camera"), "a warning")
    assert diagnostics.level("camera") == WARN
    assert PROFILE_REMEDY in diagnostics.message("camera")
    assert 1 < int(diagnostics.value("camera", "lost in transport")) < 600
    client.wait_for(lambda: "were lost on the way" in process.output, "a line in the log")


def test_a_publisher_with_the_profile_is_ok(
    texture_map: Path, start_localizer: StartNode, stream: Start, client: GraphClient, diagnostics: Diagnostics
) -> None:
    process = start_localizer("-r", "image:=/stream", map=texture_map)
    stream(640, 480, str(ROOT / "config" / "fastdds_large_images.xml"))
    client.wait_for(lambda: int(diagnostics.value("camera", "received") or 0) > 60, "images")
    assert diagnostics.level("camera") == OK
    assert "lost on the way" not in process.output
