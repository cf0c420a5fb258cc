"""Rates over a window and percentiles of stages: what a person reads on /diagnostics to judge a robot."""

from __future__ import annotations

import numpy as np
import pytest
from hand_clock import HandClock, take_clock

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from vpr_ros.ros.localizer import statistics
from vpr_ros.ros.localizer.statistics import LATENCY_SAMPLES, RATE_WINDOW_S, CameraStatistics, Latencies, Rate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    return take_clock(monkeypatch, statistics)


def ticked(clock: HandClock, rate: Rate, hz: float, events: int) -> None:
    """Count *events*; the clock ends at the last one."""
    for number in range(events):
        clock.now_s += 1.0 / hz if number else 0.0
        rate.tick()


@pytest.mark.parametrize("hz", [0.5, 1.0, 7.5, 30.0, 120.0])
def test_a_steady_camera_has_its_rate(clock: HandClock, hz: float) -> None:
    rate = Rate()
    ticked(clock, rate, hz, 300)
    assert rate.hz() == pytest.approx(hz)


def test_nothing_and_a_single_event_have_no_rate(clock: HandClock) -> None:
    rate = Rate()
    assert rate.hz() == 0.0
    rate.tick()
    assert rate.hz() == 0.0


def test_two_events_at_one_moment_have_no_rate(clock: HandClock) -> None:
    rate = Rate()
    rate.tick()
    rate.tick()
    assert rate.hz() == 0.0


def test_only_the_window_counts(clock: HandClock) -> None:
    rate = Rate()
    ticked(clock, rate, 30.0, 300)
    clock.now_s += 0.5
    ticked(clock, rate, 2.0, 1 + int(2.0 * RATE_WINDOW_S))
    assert rate.hz() == pytest.approx(2.0)


def test_a_camera_that_stopped_loses_its_rate_bit_by_bit(clock: HandClock) -> None:
    rate = Rate()
    ticked(clock, rate, 20.0, 200)
    clock.now_s += 1 / 20.0
    assert rate.hz() == pytest.approx(20.0)
    seen = []
    for _ in range(5):
        clock.now_s += 1.0
        seen.append(rate.hz())
    assert all(later < earlier - 1.0 for earlier, later in zip([20.0, *seen], seen, strict=False) if earlier)
    assert seen[1] < 15.0
    assert seen[-1] == 0.0


def test_a_rate_is_of_its_own_events(clock: HandClock) -> None:
    counts = CameraStatistics()
    ticked(clock, counts.input, 30.0, 60)
    clock.now_s -= 59 / 30.0
    ticked(clock, counts.output, 10.0, 20)
    assert counts.input.hz() == pytest.approx(30.0, rel=0.02)
    assert counts.output.hz() == pytest.approx(10.0)


def test_silence_is_counted_from_the_last_image(clock: HandClock) -> None:
    counts = CameraStatistics()
    assert counts.silent_s() is None
    counts.last_received_s = clock.now_s
    clock.now_s += 2.5
    assert counts.silent_s() == 2.5


def test_percentiles_of_each_stage_in_the_order_they_came() -> None:
    latencies = Latencies()
    assert latencies.percentiles_ms() == {}
    for value_ms in range(101):
        latencies.add({"wait": float(value_ms), "infer": 7.0})
    assert list(latencies.percentiles_ms().items()) == [("wait", (50.0, 95.0)), ("infer", (7.0, 7.0))]


def test_a_stage_that_comes_later_is_added_behind() -> None:
    latencies = Latencies()
    latencies.add({"infer": 1.0})
    latencies.add({"transport": 3.0, "infer": 2.0})
    assert list(latencies.percentiles_ms()) == ["infer", "transport"]
    assert latencies.percentiles_ms()["transport"] == (3.0, 3.0)


def test_old_durations_are_forgotten() -> None:
    latencies = Latencies()
    for value_ms in [1000.0] * LATENCY_SAMPLES + [1.0] * LATENCY_SAMPLES:
        latencies.add({"infer": value_ms})
    assert latencies.percentiles_ms()["infer"] == (1.0, 1.0)


def test_percentiles_are_of_all_samples_and_plain_numbers() -> None:
    samples = np.random.default_rng(0).exponential(10.0, 400)
    latencies = Latencies()
    for value_ms in samples:
        latencies.add({"infer": value_ms})
    p50_ms, p95_ms = latencies.percentiles_ms()["infer"]
    assert type(p50_ms) is type(p95_ms) is float
    assert (samples <= p50_ms).mean() == pytest.approx(0.5, abs=0.01)
    assert (samples <= p95_ms).mean() == pytest.approx(0.95, abs=0.01)
