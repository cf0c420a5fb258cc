# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One thread that localizes, and the slots in which the newest image of each camera waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vpr_ros.core.errors import ModelError
from vpr_ros.ros.localizer.image_job import Answer, Asker, Camera, ImageJob, Outcome
from vpr_ros.ros.localizer.rig import Rig

STUCK_AFTER_S = 10.0
"""No model that localizes a robot takes so long for one image."""
STOP_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class _Running:
    job: ImageJob
    since_s: float


class NewestFrameWorker:
    """Works on one image at a time; while it is busy, a newer image of the same camera replaces the waiting one.

    Cameras take turns: the one served longest ago goes first. An image waits at most one period of its camera, for
    then a newer one takes its place, and at most one turn of every camera. With cameras faster than the processing no
    answer is therefore older than twice the processing time, however many cameras there are. The cameras of a rig take
    one turn together; it waits for their images of one time, but not for long, see ``Rig.wait_s``.

    There is never a second thread: a model that does not return keeps the only one, and ``start`` says so.
    """

    def __init__(self, process: Callable[[ImageJob], Answer], rig: Rig | None = None) -> None:
        """Prepare, without starting the thread; *process* is called in it with each image, or with those of a *rig*."""
        self._process = process
        self._rig = Rig() if rig is None else rig
        self._wake = threading.Condition()
        self._waiting: dict[Camera, ImageJob] = {}
        self._served_s: dict[Camera, float] = {}
        self._running: _Running | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread.

        Raises:
            ModelError: that of an earlier start has not come back from its image.
        """
        if self._thread is not None and self._thread.is_alive():
            raise ModelError(
                f"the model still works on an image it was given before, for {self.busy_s():.0f} s by now",
                "Activate again once it is done; if it never is, restart the node with another model or provider",
            )
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="localizer", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Finish the running image, forget the waiting ones, end the thread.

        Returns:
            Whether it ended. If not within *timeout_s*, it does as soon as the model returns.
        """
        if self._thread is None:
            return True
        with self._wake:
            self._stopping = True
            jobs = list(self._waiting.values())
            self._waiting.clear()
            self._wake.notify()
        self._thread.join(timeout_s)
        with self._wake:
            if self._running is not None:
                jobs += _together(self._running.job)
            askers = [asker for job in jobs for asker in _taken(job)]
            self._served_s.clear()  # cameras hold map and model
        for asker in askers:
            asker(None)
        return not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        """Whether images offered now will be worked on."""
        return self._thread is not None and self._thread.is_alive() and not self._stopping

    @property
    def stuck(self) -> str:
        """What to say about a model that does not come back from an image, "" while all is well."""
        if self.busy_s() < STUCK_AFTER_S:
            return ""
        running = self._running
        camera = f" of camera {running.job.camera.name}" if running is not None else ""
        return (
            f"the model has been working on one image{camera} for {self.busy_s():.0f} s, and nothing is localized "
            "meanwhile. If it goes on, restart the node with another model or provider."
        )

    def busy_s(self) -> float:
        """For how long it has been working on the present image, 0 between images. Seconds."""
        running = self._running
        return 0.0 if running is None else time.monotonic() - running.since_s

    def offer(self, job: ImageJob) -> None:
        """Let *job* wait for its turn in place of an older image of its camera, whose askers it answers too."""
        with self._wake:
            replaced = self._waiting.get(job.camera)
            if replaced is not None:
                job.askers += _taken(replaced)
            self._waiting[job.camera] = job
            self._wake.notify()
        if replaced is not None:
            replaced.camera.statistics.dropped += 1

    def ask(self, job: ImageJob, asker: Asker) -> None:
        """Let *asker* know the outcome of *job*, or of a newer image of its camera that takes its place.

        An image that waits or is worked on already is not worked on twice.
        """
        with self._wake:
            running = () if self._running is None else _together(self._running.job)
            for known in (*running, self._waiting.get(job.camera)):
                if known is not None and known.message is job.message:
                    known.askers.append(asker)
                    return
        job.askers.append(asker)
        self.offer(job)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            outcome: Outcome
            try:
                outcome = self._process(job)
            except Exception as error:
                outcome = error
            with self._wake:
                self._running = None
                askers = [asker for part in _together(job) for asker in _taken(part)]
            for asker in askers:
                asker(outcome)

    def _next(self) -> ImageJob | None:
        with self._wake:
            while (job := self._whose_turn()) is None:
                if self._stopping:
                    return None
            job.companions = self._rig.companions(job, self._waiting)
            now_s = time.monotonic()
            for part in _together(job):
                self._served_s[part.camera] = now_s
                if self._waiting.get(part.camera) is part:
                    del self._waiting[part.camera]
            self._running = _Running(job, now_s)
            return job

    def _whose_turn(self) -> ImageJob | None:
        """The image to work on now; None, after a wait, where none has come or it waits for others of its time."""
        if self._stopping:
            return None
        if not self._waiting:
            self._wake.wait()
            return None
        job = self._waiting[min(self._waiting, key=lambda waiting: self._served_s.get(waiting, 0.0))]
        if (wait_s := self._rig.wait_s(job, self._waiting)) > 0.0:
            self._wake.wait(wait_s)
            return None
        return job


def _together(job: ImageJob) -> tuple[ImageJob, ...]:
    return (job, *job.companions)


def _taken(job: ImageJob) -> list[Asker]:
    """The askers of *job*, which is rid of them: each is answered once."""
    askers, job.askers = job.askers, []
    return askers
