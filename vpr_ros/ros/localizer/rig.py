# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which images of several cameras are answered together, and what there is to say about it (docs/rig.md)."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vpr_ros.localization import Localization
from vpr_ros.localization.rig import fuse
from vpr_ros.localization.rig_mounts import MountCheck, MountContradiction
from vpr_ros.ros.localizer.image_job import Camera, ImageJob
from vpr_ros.ros.localizer.setup import LocalizerSetup

NS_PER_MS: Final = 1_000_000
MISSES: Final = 20
"""A camera that had no image of the time of so many others is not waited for until one fits again."""


@dataclass(frozen=True)
class RigReport:
    """What /diagnostics says.

    Attributes:
        faults: a sentence each, none while all cameras are answered together.
        message: what is done.
        values: counts by name.
    """

    faults: tuple[str, ...]
    message: str
    values: Mapping[str, object]


class Rig:
    """The cameras of one robot.

    The worker's thread asks ``companions`` and ``fused``; the executor's asks for reports.
    """

    def __init__(self) -> None:
        """Know of no camera yet."""
        self._cameras: tuple[Camera, ...] = ()
        self._mounts = MountCheck()
        self._misses: dict[str, int] = {}
        self._gaps_ms: dict[str, float] = {}
        self._agreed: dict[str, int] = {}
        self._together = self._alone = 0
        self._waits_since_s: float | None = None

    def use(self, cameras: Collection[Camera]) -> None:
        """Begin anew with these."""
        self._cameras = tuple(cameras)
        self.forget()

    def forget(self) -> None:
        """Forget what was seen of the cameras' mounts and stamps: another map, other parameters, another run."""
        self._mounts.forget()
        self._misses, self._gaps_ms, self._agreed = {}, {}, {}
        self._together = self._alone = 0

    def why_alone(self, setup: LocalizerSetup, cameras: Sequence[Camera] | None = None) -> str:
        """Why each camera answers alone, "" where they answer together."""
        cameras = self._cameras if cameras is None else cameras
        if setup.rig.max_stamp_difference_ms == 0:
            return "rig.max_stamp_difference_ms is 0"
        if any(camera.T_base_camera is None for camera in setup.place_map.manifest.cameras):
            return "the map does not know where its own cameras sat"
        unknown = [camera.name for camera in cameras if not setup.extrinsics.is_known(camera.name)]
        if len(cameras) - len(unknown) < 2:
            return f"nobody says where {' and '.join(unknown)} sit on {setup.settings.base_frame}, see T_base_camera"
        return ""

    def wait_s(self, job: ImageJob, waiting: Mapping[Camera, ImageJob]) -> float:
        """How long *job* should still wait for images of other cameras, 0 where it should not.

        Args:
            job: whose turn it is.
            waiting: the newest image of each camera, *job* too.
        """
        others = [] if job.companions else self._others(job)
        if not any(self._may_come(camera, job, waiting.get(camera)) for camera in others):
            return 0.0
        now_s, limit_s = time.monotonic(), 1e-3 * job.camera.setup.rig.max_stamp_difference_ms
        if self._waits_since_s is None:
            self._waits_since_s = now_s
        return max(0.0, min(self._waits_since_s, job.received_s) + limit_s - now_s)

    def companions(self, job: ImageJob, waiting: Mapping[Camera, ImageJob]) -> tuple[ImageJob, ...]:
        """Those of the *waiting* images that are answered together with *job*, whose turn has come."""
        self._waits_since_s = None
        if job.companions:
            return job.companions
        found = []
        for camera in self._others(job):
            candidate = waiting.get(camera)
            if candidate is not None:
                self._gaps_ms[camera.name] = abs(candidate.stamp_ns - job.stamp_ns) / NS_PER_MS
            if candidate is not None and _fits(candidate, job):
                found.append(candidate)
                self._misses[camera.name] = self._misses[job.camera.name] = 0
            elif not is_silent(camera):
                self._misses[camera.name] = self._misses.get(camera.name, 0) + 1
        return tuple(found)

    def with_newest(self, job: ImageJob, newest: Collection[ImageJob]) -> ImageJob:
        """*job* and those of the *newest* images of other cameras that are of its time, for one answer."""
        others = self._others(job)
        fitting = [other for other in newest if other.camera in others and _fits(other, job)]
        return replace(job, companions=tuple(replace(other, askers=[]) for other in fitting))

    def fused(self, setup: LocalizerSetup, answers: Sequence[Localization]) -> Localization:
        """One answer from those of cameras to images of one time."""
        if len(answers) == 1:
            self._alone += 1
            return answers[0]
        order = setup.settings.cameras  # not those in use: the node may be closing
        self._mounts.add(sorted(answers, key=lambda answer: order.index(answer.camera)))
        trusted = [answer for answer in answers if answer.camera not in self._mounts.contradictions]
        by_sequence = setup.localizer.place_filter is not None
        calibration = setup.place_map.manifest.calibration
        localization = fuse(trusted or answers, setup.localizer.config, calibration, by_sequence=by_sequence)
        self._together += 1
        for vote in localization.votes:
            self._agreed[vote.camera] = self._agreed.get(vote.camera, 0) + vote.agrees
        return localization

    def report(self, setup: LocalizerSetup) -> RigReport | None:
        """What there is to say, None of a single camera."""
        if len(self._cameras) < 2:
            return None
        if why := self.why_alone(setup):
            return RigReport((), f"each camera answers alone: {why}", {})
        contradictions = self._mounts.contradictions
        faults = [_contradiction_sentence(found) for found in contradictions.values()]
        limit_ms = setup.rig.max_stamp_difference_ms
        for camera in self._cameras:
            if not setup.extrinsics.is_known(camera.name):
                faults.append(f"{camera.name} answers alone, for nobody says where it sits")
            elif is_silent(camera):
                faults.append(f"{camera.name} is silent and left out until it delivers images")
            elif self._misses.get(camera.name, 0) >= MISSES:
                gap = f" ({self._gaps_ms[camera.name]:.0f} ms)" if camera.name in self._gaps_ms else ""
                faults.append(
                    f"the images of {camera.name} are of other times than the others'{gap}, rig.max_stamp_difference_ms"
                    f" is {limit_ms:g}"
                )
        values = {
            "answered together": self._together,
            "answered alone": self._alone,
            **{f"agreed {camera.name}": self._agreed.get(camera.name, 0) for camera in self._cameras},
            "left out for its mount": " ".join(contradictions) or "none",
        }
        names = ", ".join(camera.name for camera in self._cameras)
        return RigReport(tuple(faults), f"{names} are answered together within {limit_ms:g} ms", values)

    def _others(self, job: ImageJob) -> list[Camera]:
        """The cameras that are answered together with that of *job*."""
        setup, own = job.camera.setup, job.camera
        if len(self._cameras) < 2 or self.why_alone(setup) or not setup.extrinsics.is_known(own.name):
            return []
        return [camera for camera in self._cameras if camera is not own and setup.extrinsics.is_known(camera.name)]

    def _may_come(self, camera: Camera, job: ImageJob, candidate: ImageJob | None) -> bool:
        """Whether *camera* may still deliver an image of the time of *job*."""
        if is_silent(camera) or self._misses.get(camera.name, 0) >= MISSES:
            return False
        return candidate is None or (candidate.stamp_ns < job.stamp_ns and not _fits(candidate, job))


def _fits(candidate: ImageJob, job: ImageJob) -> bool:
    limit_ms = job.camera.setup.rig.max_stamp_difference_ms
    return abs(candidate.stamp_ns - job.stamp_ns) <= limit_ms * NS_PER_MS


def is_silent(camera: Camera) -> bool:
    """Whether nothing has come from *camera* for longer than its time-out, or ever."""
    silent_s = camera.statistics.silent_s()
    return silent_s is None or silent_s > camera.setup.settings.camera_timeout_s


def _contradiction_sentence(found: MountContradiction) -> str:
    return (
        f"{found.camera} is left out: over {found.answers} answers its base lies {found.distance_m:.2f} m and "
        f"{math.degrees(found.angle_rad):.0f} degrees from that of {found.other}; correct the extrinsics of one of them"
    )
