"""A fault that comes with every frame is said at once, then rarely, with its count."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hand_clock import HandClock

from vpr_ros.core.errors import FrameDecodeError, ModelError
from vpr_ros.ros.error_log import FIRST_PAUSE_S, LONGEST_PAUSE_S, ErrorLog


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(lines: list[str], clock: HandClock) -> ErrorLog:
    return ErrorLog(lines.append, clock)


def error(number: int) -> FrameDecodeError:
    return FrameDecodeError(f"image of {number} bytes is cut short", "Check the driver")


def test_the_first_of_a_kind_is_logged_at_once_and_repetitions_are_counted(
    log: ErrorLog, lines: list[str], clock: HandClock
) -> None:
    for number in range(5):
        log.report("camera front", error(number))
    assert lines == ["camera front: image of 0 bytes is cut short. Check the driver."]
    assert log.last is not None
    assert (log.last.problem, log.last.remedy) == ("image of 4 bytes is cut short", "Check the driver")
    clock.now_s += FIRST_PAUSE_S
    log.report("camera front", error(9))
    assert lines[1:] == ["camera front: image of 9 bytes is cut short. Check the driver. (5 more since the last time)"]


def test_the_pauses_double_up_to_a_limit(log: ErrorLog, lines: list[str], clock: HandClock) -> None:
    logged_s = []
    for _ in range(5000):
        before = len(lines)
        log.report("camera front", error(1))
        if len(lines) > before:
            logged_s.append(clock.now_s)
        clock.now_s += 1.0
    pauses = [later - earlier for earlier, later in pairwise(logged_s)]
    assert pauses[:4] == [10.0, 20.0, 40.0, 80.0]
    assert max(pauses) == LONGEST_PAUSE_S


def test_other_sources_and_other_errors_are_other_kinds(log: ErrorLog, lines: list[str]) -> None:
    log.report("camera front", error(1))
    log.report("camera left", error(1))
    log.report("camera front", ModelError("the session failed", "Restart"))
    assert len(lines) == 3


def test_each_source_has_its_own_last_error_until_it_works_again(log: ErrorLog) -> None:
    log.report("camera front", error(1))
    log.report("camera left", error(2))
    log.report("camera front", error(3))
    log.report("parameters", error(4))
    problems = [fault and fault.problem for fault in map(log.last_of, ("camera front", "camera left", "configure"))]
    assert problems == ["image of 3 bytes is cut short", "image of 2 bytes is cut short", None]
    log.forget("camera front")
    assert log.last_of("camera front") is None
    assert log.last_of("camera left") is not None
    assert log.last is not None and log.last.problem == "image of 4 bytes is cut short"


def test_what_worked_again_in_between_is_news(log: ErrorLog, lines: list[str]) -> None:
    log.report("camera front", error(1))
    log.forget("camera left")
    log.report("camera front", error(1))
    assert len(lines) == 1
    log.forget("camera front")
    log.report("camera front", error(1))
    assert len(lines) == 2


def test_a_foreign_error_names_its_class_and_asks_for_a_report(log: ErrorLog, lines: list[str]) -> None:
    log.report("configure", KeyError("pose"))
    assert lines == ["configure: KeyError: 'pose'. This is a defect: please report it with the log."]
