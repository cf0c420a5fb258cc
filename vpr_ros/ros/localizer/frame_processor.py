# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The worker's side of the node: one image to one published answer, counted and timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import rclpy
from rclpy.clock import Clock

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.frames import Frame
from vpr_ros.localization import Localization
from vpr_ros.localization.sentences import answer_sentence, source_words
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.localizer.failures import failure_type
from vpr_ros.ros.localizer.image_job import Answer, ImageJob, to_frame
from vpr_ros.ros.localizer.map_to_odom import MapToOdom
from vpr_ros.ros.localizer.odometry_input import OdometryInput
from vpr_ros.ros.localizer.outputs import Outputs
from vpr_ros.ros.localizer.rig import Rig
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.statistics import CameraStatistics, Latencies

LONGEST_TRANSPORT_MS = 10_000.0
"""A longer way from camera to node means that the two do not share a clock."""


class FrameProcessor:
    """Decodes, localizes, publishes.

    Attributes:
        latencies: duration of each stage.
    """

    def __init__(
        self,
        outputs: Outputs,
        map_to_odom: MapToOdom,
        odometry: OdometryInput,
        errors: ErrorLog,
        clock: Clock,
        rig: Rig | None = None,
    ) -> None:
        """Put the parts together; *clock* is the node's, which may be simulated."""
        self.latencies = Latencies()
        self._outputs = outputs
        self._map_to_odom = map_to_odom
        self._odometry = odometry
        self._errors = errors
        self._clock = clock
        self._rig = Rig() if rig is None else rig

    def process(self, job: ImageJob) -> Answer:
        """Work on one image, and on those of other cameras that are answered with it.

        Raises:
            VprError: no image decodes or the model failed; counted and reported already.
        """
        setup, together = job.camera.setup, (job, *job.companions)
        for part in together:
            if part.stamp_ns < part.camera.statistics.last_processed_ns:
                self._begin_anew(setup, part.camera.statistics)
        outcomes = [self._looked(setup, part) for part in together]
        seen = [outcome for outcome in outcomes if isinstance(outcome, _Seen)]
        if not seen and isinstance(outcomes[0], Exception):
            raise outcomes[0]
        try:
            localization = self._tell(setup, job, seen)
        except Exception as error:
            self._failed(job, error)
            raise
        for outcome in seen:
            outcome.job.camera.statistics.failing = False
            self._errors.forget(_source(outcome.job))
        return Answer(localization, setup.map_frame)

    def _looked(self, setup: LocalizerSetup, job: ImageJob) -> _Seen | Exception:
        """One that fails takes no other camera's answer with it."""
        try:
            return _look(setup, self._odometry, job)
        except Exception as error:
            self._failed(job, error)
            return error

    def _failed(self, job: ImageJob, error: Exception) -> None:
        if not rclpy.ok():  # Asked to end while this image was worked on: nobody is left to publish or to log to.
            raise error
        job.camera.statistics.failures[failure_type(error)] += 1
        job.camera.statistics.failing = True
        self._errors.report(_source(job), error)
        self._outputs.publish_failure(job.camera.name, job.stamp_ns, error)

    def _begin_anew(self, setup: LocalizerSetup, statistics: CameraStatistics) -> None:
        """Time jumped back: what is believed and what TF remembers is of another run."""
        statistics.time_jumps_back += 1
        self._map_to_odom.forget()
        self._odometry.forget()
        if setup.localizer.place_filter is not None:
            setup.localizer.place_filter.reset()
        if setup.transforms is not None:
            setup.transforms.restart()

    def _tell(self, setup: LocalizerSetup, job: ImageJob, seen: Sequence[_Seen]) -> Localization:
        """Publish and count one answer to what was seen."""
        localized_s = time.monotonic()
        localization = self._rig.fused(setup, [part.localization for part in seen])
        speaker = next(part for part in seen if part.localization.camera == localization.camera)
        self._outputs.publish_pose(setup, localization)
        self._map_to_odom.update(setup, localization, self._clock.now().nanoseconds)
        published_s = time.monotonic()
        self._outputs.publish_views(setup, speaker.frame, localization)
        self._outputs.publish_status(localization, 1e3 * (published_s - job.received_s))
        for part in seen:
            _count(part.job, localization, is_speaker=part is speaker)
        own_ms = {
            "wait": 1e3 * (seen[0].started_s - job.received_s),
            "decode": sum(part.decode_ms for part in seen),
            **localization.timings_ms,
            "publish": 1e3 * (published_s - localized_s),
            "total": 1e3 * (published_s - job.received_s),
        }
        self._note(speaker.job, own_ms)
        return localization

    def _note(self, job: ImageJob, own_ms: dict[str, float]) -> None:
        """Keep how long each stage took, and the way to the node where its clock tells it."""
        age_ms = (self._clock.now().nanoseconds - job.stamp_ns) / 1e6
        transport_ms = age_ms - own_ms["total"]
        if 0.0 <= transport_ms < LONGEST_TRANSPORT_MS:
            own_ms = {"transport": transport_ms, **own_ms}
        self.latencies.add(own_ms)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What one camera's image says by itself, and when it was begun."""

    job: ImageJob
    frame: Frame
    localization: Localization
    started_s: float
    decode_ms: float


def _look(setup: LocalizerSetup, odometry: OdometryInput, job: ImageJob) -> _Seen:
    started_s = time.monotonic()
    frame = to_frame(job.message, job.camera.name, job.stamp_ns, setup.settings.max_image_pixels)
    decode_ms = 1e3 * (time.monotonic() - started_s)
    T_base_camera = setup.extrinsics.lookup(job.camera.name, job.message.header.frame_id, job.stamp_ns)
    if setup.localizer.place_filter is not None:
        setup.localizer.place_filter.drive(partial(odometry.reading, setup, job.stamp_ns))
    localization = setup.localizer.localize(frame, T_base_camera, intrinsics=_intrinsics(setup, job, frame))
    return _Seen(job, frame, localization, started_s, decode_ms)


def _source(job: ImageJob) -> str:
    return f"camera {job.camera.name}"


def _intrinsics(setup: LocalizerSetup, job: ImageJob, frame: Frame) -> CameraIntrinsics | None:
    """How the camera sees, where that is of use."""
    if job.camera.info is None or not setup.localizer.verifies:
        return None
    height_px, width_px = frame.image_rgb.shape[:2]
    return job.camera.info.lookup((width_px, height_px), job.message.header.frame_id, setup.place_map)


def _count(job: ImageJob, localization: Localization, *, is_speaker: bool) -> None:
    """An answer to several cameras is counted once, at the one whose image it names."""
    statistics = job.camera.statistics
    statistics.processed += 1
    statistics.output.tick()
    statistics.last_reason = answer_sentence(localization)
    statistics.last_processed_ns = job.stamp_ns
    if localization.was_compared:
        statistics.last_source = source_words(localization)
    if not is_speaker:
        return
    statistics.accepted += localization.accepted
    statistics.geometric += localization.accepted and localization.pose_source == "geometric"
    if localization.rejection is not None:
        statistics.last_rejection = localization.rejection.type
        statistics.rejections[localization.rejection.type] += 1
