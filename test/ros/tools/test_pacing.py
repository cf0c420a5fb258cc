"""Players: nothing goes out before its time, a late item delays no other, and nobody waits for ever."""

from __future__ import annotations

import math
import time

import pytest
import rclpy
from hand_clock import HandClock, take_clock
from harness import DEADLINE_S, GraphClient
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header

from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.tools import pacing
from vpr_ros.ros.tools.pacing import check_rate, paced, wait_until_sent

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    return take_clock(monkeypatch, pacing, step_s=0.02)


def items(*seconds: float) -> list[tuple[int, str]]:
    return [(round((100 + second) * 1e9), f"at {second}") for second in seconds]


@pytest.mark.parametrize("rate_factor", [0.5, 1.0, 4.0])
def test_items_come_in_order_at_their_recorded_intervals(
    client: GraphClient, clock: HandClock, rate_factor: float
) -> None:
    recorded = items(0.0, 0.1, 0.4)
    due_s, got = [], []
    for item in paced(client.node, recorded, rate_factor):
        due_s.append(clock.now_s)
        got.append(item)
    assert got == recorded
    after_s = [moment - due_s[0] for moment in due_s]
    for found, expected in zip(after_s, (0.0, 0.1 / rate_factor, 0.4 / rate_factor), strict=True):
        assert -1e-9 <= found - expected + 0.02 <= 0.041


def test_time_spent_on_one_item_does_not_delay_the_later_ones(client: GraphClient, clock: HandClock) -> None:
    came_s = []
    for number, _ in enumerate(paced(client.node, items(0.0, 0.1, 0.2, 0.6), 1.0)):
        came_s.append(clock.now_s)
        clock.now_s += 0.3 if number == 0 else 0.0
    assert came_s[2] - came_s[0] < 0.3 + 3 * 0.02
    assert 0.6 - 0.021 <= came_s[3] - came_s[0] <= 0.6 + 0.021


def test_the_first_item_comes_at_once_whatever_its_time(client: GraphClient) -> None:
    start_s = time.monotonic()
    assert next(paced(client.node, [(10**18, "late in the day")], 1.0)) == (10**18, "late in the day")
    assert time.monotonic() - start_s < DEADLINE_S
    assert list(paced(client.node, [], 1.0)) == []


def test_time_that_jumps_back_is_not_waited_for(client: GraphClient, clock: HandClock) -> None:
    before_s = clock.now_s
    assert [item for _, item in paced(client.node, items(5.0, 0.0, 5.0), 1.0)] == ["at 5.0", "at 0.0", "at 5.0"]
    assert clock.now_s - before_s < 0.2


def test_the_node_answers_while_it_waits(client: GraphClient) -> None:
    """Parameters, time and discovery are served between two images."""
    heard: list[Header] = []
    client.executor.remove_node(client.node)
    client.node.create_subscription(Header, "ticks", heard.append, LATCHED)
    publisher = client.node.create_publisher(Header, "ticks", LATCHED)
    publisher.publish(Header(frame_id="now"))
    deadline_s = time.monotonic() + DEADLINE_S
    for _ in paced(client.node, ((number * 10**8, number) for number in range(10**6)), 1.0):
        if heard or time.monotonic() > deadline_s:
            break
    assert [header.frame_id for header in heard] == ["now"]


def test_the_last_wait_ends_with_the_last_subscriber_or_with_patience(client: GraphClient, clock: HandClock) -> None:
    publisher = client.node.create_publisher(Header, "last_words", 1)
    client.executor.remove_node(client.node)
    before_s = clock.now_s
    wait_until_sent(client.node, [publisher], 100.0)
    assert clock.now_s - before_s < 1.0
    subscription = client.node.create_subscription(Header, "last_words", lambda _: None, 1)
    while publisher.get_subscription_count() == 0:
        rclpy.spin_once(client.node, timeout_sec=0.02)
    before_s = clock.now_s
    wait_until_sent(client.node, [publisher], 0.1)
    assert clock.now_s - before_s >= 0.1
    client.node.destroy_subscription(subscription)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, -math.inf])
def test_rates_that_are_none_are_refused(value: float) -> None:
    with pytest.raises(ConfigError, match=f"--rate-factor is {value}, expected more than 0"):
        check_rate("--rate-factor", value)


@pytest.mark.parametrize("value", [1e-3, 1, 1000.0])
def test_rates_above_zero_pass(value: float) -> None:
    check_rate("--rate-factor", value)
