"""The worker's side of the node: one image to one published answer, counted and timed."""

from __future__ import annotations

import time

import rclpy
from rclpy.clock import Clock

from vpr_ros.core.frames import Frame
from vpr_ros.localization import Localization
from vpr_ros.localization.sentences import answer_sentence
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.image_conversion import to_frame
from vpr_ros.ros.localizer.map_to_odom import MapToOdom
from vpr_ros.ros.localizer.outputs import Outputs
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.statistics import CameraStatistics, Latencies
from vpr_ros.ros.localizer.worker import ImageJob

LONGEST_TRANSPORT_MS = 10_000.0
"""A longer way from camera to node means that the two do not share a clock."""


class FrameProcessor:
    """Decodes, localizes, publishes.

    Attributes:
        latencies: duration of each stage.
    """

    def __init__(self, outputs: Outputs, map_to_odom: MapToOdom, errors: ErrorLog, clock: Clock) -> None:
        """Put the parts together; *clock* is the node's, which may be simulated."""
        self.latencies = Latencies()
        self._outputs = outputs
        self._map_to_odom = map_to_odom
        self._errors = errors
        self._clock = clock

    def process(self, setup: LocalizerSetup, statistics: CameraStatistics, job: ImageJob) -> Localization:
        """Work on one image.

        Raises:
            VprError: the image does not decode or the model failed; counted and reported already.
        """
        source = f"camera {job.camera}"
        try:
            localization = self._answer(setup, statistics, job)
        except Exception as error:
            if not rclpy.ok():  # Asked to end while this image was worked on: nobody is left to publish or to log to.
                raise
            statistics.failed += 1
            statistics.failing = True
            self._errors.report(source, error)
            raise
        statistics.failing = False
        self._errors.forget(source)
        return localization

    def _answer(self, setup: LocalizerSetup, statistics: CameraStatistics, job: ImageJob) -> Localization:
        started_s = time.monotonic()
        frame = to_frame(job.message, job.camera, job.stamp_ns, setup.settings.max_image_pixels)
        decoded_s = time.monotonic()
        mount = setup.mounts.lookup(job.camera, job.message.header.frame_id, job.stamp_ns)
        localization = setup.localizer.localize(frame, mount)
        localized_s = time.monotonic()
        self._publish(setup, frame, localization)
        published_s = time.monotonic()
        _count(statistics, localization, job.stamp_ns)
        own_ms = {
            "wait": 1e3 * (started_s - job.received_s),
            "decode": 1e3 * (decoded_s - started_s),
            **localization.timings_ms,
            "publish": 1e3 * (published_s - localized_s),
            "total": 1e3 * (published_s - job.received_s),
        }
        age_ms = (self._clock.now().nanoseconds - job.stamp_ns) / 1e6
        transport_ms = age_ms - own_ms["total"]
        if 0.0 <= transport_ms < LONGEST_TRANSPORT_MS:
            own_ms = {"transport": transport_ms, **own_ms}
        self.latencies.add(own_ms)
        return localization

    def _publish(self, setup: LocalizerSetup, frame: Frame, localization: Localization) -> None:
        self._outputs.publish(setup, frame, localization)
        self._map_to_odom.update(setup, localization, self._clock.now().nanoseconds)


def _count(statistics: CameraStatistics, localization: Localization, stamp_ns: int) -> None:
    statistics.processed += 1
    statistics.output.tick()
    statistics.accepted += localization.accepted
    statistics.rejected += not localization.accepted
    statistics.last_reason = answer_sentence(localization)
    statistics.last_processed_ns = stamp_ns
