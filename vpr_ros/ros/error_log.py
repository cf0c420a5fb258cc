# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Errors that repeat with every frame, logged without drowning the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vpr_ros.core.errors import VprError

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 600.0
LONGEST_TEXT = 1000
"""Characters of a message: what a client sends may be quoted in it, and goes out with every diagnostics message."""


@dataclass(frozen=True)
class LoggedError:
    """The last thing that went wrong.

    Attributes:
        problem, remedy: see ``VprError``.
        at_s: ``time.monotonic()``.
    """

    problem: str
    remedy: str
    at_s: float


@dataclass
class _Repetition:
    next_s: float
    pause_s: float
    suppressed: int = 0


class ErrorLog:
    """Logs the first error of a kind at once, then at doubling intervals with the number of repetitions.

    A kind is a source ("camera front", "map") together with the class of the error: messages with changing numbers
    count as one kind.
    """

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        """Log through *write*, e.g. ``node.get_logger().error``."""
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, type[BaseException]], _Repetition] = {}
        self._last: LoggedError | None = None
        self._last_of: dict[str, LoggedError] = {}

    @property
    def last(self) -> LoggedError | None:
        """The last error, logged or suppressed."""
        return self._last

    def last_of(self, source: str) -> LoggedError | None:
        """The last error of *source*, logged or suppressed; None since it works again."""
        return self._last_of.get(source)

    def report(self, source: str, error: BaseException) -> None:
        """Remember *error* and log it unless its kind was logged a moment ago."""
        now_s = self._clock()
        problem, remedy = map(printable, describe(error))
        with self._lock:
            self._last = self._last_of[source] = LoggedError(problem, remedy, now_s)
            line = self._line(source, error, f"{problem}. {remedy}.", now_s)
        if line:
            self._write(line)

    def forget(self, source: str) -> None:
        """Say that *source* works again: its next error is logged at once."""
        if self._kinds:
            with self._lock:
                self._kinds = {kind: value for kind, value in self._kinds.items() if kind[0] != source}
                self._last_of.pop(source, None)

    def _line(self, source: str, error: BaseException, text: str, now_s: float) -> str:
        repetition = self._kinds.get((source, type(error)))
        if repetition is None:
            self._kinds[source, type(error)] = _Repetition(now_s + FIRST_PAUSE_S, FIRST_PAUSE_S)
            return f"{source}: {text}"
        if now_s < repetition.next_s:
            repetition.suppressed += 1
            return ""
        line = f"{source}: {text} ({repetition.suppressed + 1} more since the last time)"
        repetition.pause_s = min(2 * repetition.pause_s, LONGEST_PAUSE_S)
        repetition.next_s, repetition.suppressed = now_s + repetition.pause_s, 0
        return line


def describe(error: BaseException) -> tuple[str, str]:
    """Problem and remedy of any error, without final periods."""
    if isinstance(error, VprError):
        return error.problem, error.remedy
    if isinstance(error, OSError):
        return f"{error}".rstrip("."), "Check the path, the disk, and who may read it"
    if isinstance(error, MemoryError):
        return "the memory of this machine is used up", "Use a smaller map, model or image, or a machine with more"
    return f"{type(error).__name__}: {error}".rstrip("."), "This is a defect: please report it with the log"


def sentence(error: BaseException) -> str:
    """Problem and remedy of any error as a ROS message carries them."""
    problem, remedy = describe(error)
    return printable(f"{problem}. {remedy}.")


def printable(text: str) -> str:
    """*text* as a ROS message can carry it: encodable, and of a length that somebody reads."""
    if len(text) > LONGEST_TEXT:
        half = LONGEST_TEXT // 2
        text = f"{text[:half]} ... {text[-half:]}"
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\\0")
