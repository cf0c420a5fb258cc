"""Publishing at recorded intervals, to the last message."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import rclpy
from rclpy.node import Node

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.time_ns import NS_PER_S

Item = TypeVar("Item")
POLL_S = 0.05
CLOCK_POLL_S = 0.01
LAST_WORDS_S = 2.0


def paced(
    node: Node,
    items: Iterable[tuple[int, Item]],
    rate_factor: float,
    passing: Callable[[int], None] | None = None,
) -> Iterator[tuple[int, Item]]:
    """Yield each (time_ns, item) when it is due, *rate_factor* times faster than recorded.

    Due times count from the first item, so that the time spent on one does not shift the rest. *passing* hears of the
    time that passes between two items, in the items' time.
    """
    poll_s = POLL_S if passing is None else CLOCK_POLL_S
    first_ns: int | None = None
    started_s = 0.0
    for time_ns, item in items:
        if first_ns is None:
            first_ns, started_s = time_ns, time.monotonic()
        due_s = started_s + (time_ns - first_ns) / NS_PER_S / rate_factor
        while rclpy.ok() and (left_s := due_s - time.monotonic()) > 0:
            if passing is not None:
                passing(time_ns - round(left_s * rate_factor * NS_PER_S))
            rclpy.spin_once(node, timeout_sec=min(left_s, poll_s))
        if not rclpy.ok():
            return
        yield time_ns, item


def wait_until_sent(node: Node, publishers: Sequence[Any], timeout_s: float = LAST_WORDS_S) -> None:
    """Give reliable subscribers the time to get the last messages before *publishers* go."""
    deadline_s = time.monotonic() + timeout_s
    while rclpy.ok() and any(p.get_subscription_count() for p in publishers) and time.monotonic() < deadline_s:
        rclpy.spin_once(node, timeout_sec=POLL_S)


def check_rate(name: str, value: float) -> None:
    """Refuse rates that are not positive.

    Raises:
        ConfigError: zero, negative or not a number.
    """
    if not value > 0:
        raise ConfigError(f"{name} is {value}, expected more than 0", "Leave it at its default")
