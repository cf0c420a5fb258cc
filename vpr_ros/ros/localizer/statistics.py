"""What happened to the images of each camera, and how long each stage took."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

import numpy as np

from vpr_ros.localization import RejectionType
from vpr_ros.ros.localizer.failures import OF_AN_IMAGE

RATE_WINDOW_S = 5.0
LATENCY_SAMPLES = 500


class Rate:
    """Events per second over the last ``RATE_WINDOW_S``."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=1000)

    def tick(self) -> None:
        """Count one event."""
        self._times_s.append(time.monotonic())

    def hz(self) -> float:
        """The rate; 0 where fewer than two events lie in the window. It falls while an event is overdue."""
        now_s = time.monotonic()
        times_s = [t for t in tuple(self._times_s) if t > now_s - RATE_WINDOW_S]
        span_s = times_s[-1] - times_s[0] if len(times_s) > 1 else 0.0
        if span_s <= 0:
            return 0.0
        overdue_s = now_s - times_s[-1] - span_s / (len(times_s) - 1)
        return (len(times_s) - 1) / (span_s + max(0.0, overdue_s))


class Latencies:
    """The last durations of each stage."""

    def __init__(self) -> None:
        self._samples_ms: dict[str, deque[float]] = {}

    def add(self, timings_ms: Mapping[str, float]) -> None:
        """Add one duration per stage."""
        for stage, value_ms in timings_ms.items():
            if stage not in self._samples_ms:
                self._samples_ms = {**self._samples_ms, stage: deque(maxlen=LATENCY_SAMPLES)}
            self._samples_ms[stage].append(value_ms)

    def percentiles_ms(self) -> dict[str, tuple[float, float]]:
        """(p50, p95) per stage, in the order the stages first came."""
        return {
            stage: (float(np.percentile(samples, 50)), float(np.percentile(samples, 95)))
            for stage, samples in ((name, tuple(values)) for name, values in self._samples_ms.items())
        }


class CameraStatistics:
    """Counters of one camera. Each is written by one thread only; all may be read at any time.

    Attributes:
        received: images that arrived.
        processed: images that were localized.
        dropped: images that a newer one replaced before their turn came.
        lost_in_transport: images the middleware says it lost on the way.
        failures: images that got no answer, by type.
        accepted: answers with a pose.
        rejections: answers without one, by type.
        last_rejection: type of the newest of these.
        last_reason: why the newest answer was accepted or rejected.
        without_stamp: images with a zero stamp, taken as exposed when they arrived.
        time_jumps_back: how often the stamps went backwards.
    """

    def __init__(self) -> None:
        self.received = 0
        self.processed = 0
        self.dropped = 0
        self.lost_in_transport = 0
        self.failures = dict.fromkeys(OF_AN_IMAGE, 0)  # whose size stays: it is read while it is counted
        self.accepted = 0
        self.rejections = dict.fromkeys(RejectionType, 0)
        self.last_rejection: RejectionType | None = None
        self.without_stamp = 0
        self.time_jumps_back = 0
        self.input = Rate()
        self.output = Rate()
        self.last_received_s: float | None = None
        self.last_processed_ns = 0
        self.last_reason = ""
        self.failing = False

    @property
    def failed(self) -> int:
        """Images that did not decode or made the model fail."""
        return sum(self.failures.values())

    @property
    def rejected(self) -> int:
        """Answers without a pose."""
        return sum(self.rejections.values())

    def silent_s(self) -> float | None:
        """Seconds since the last image, None before the first one."""
        return None if self.last_received_s is None else time.monotonic() - self.last_received_s
