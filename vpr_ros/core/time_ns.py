"""Time is whole nanoseconds; seconds are for people, parameters and messages."""

from __future__ import annotations

from typing import Final

NS_PER_S: Final = 1_000_000_000


def sec_nanosec(stamp_ns: int) -> tuple[int, int]:
    """The two fields of a ``builtin_interfaces/Time``; the second is never negative."""
    return divmod(stamp_ns, NS_PER_S)


def from_sec_nanosec(sec: int, nanosec: int) -> int:
    """Nanoseconds of the two fields of a ``builtin_interfaces/Time``."""
    return int(sec) * NS_PER_S + int(nanosec)
