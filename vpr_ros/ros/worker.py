"""One thread that localizes, and the slots in which the newest image of each camera waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class ImageJob:
    """One image on its way to a pose.

    Attributes:
        message: ``sensor_msgs/Image`` or ``CompressedImage``, not decoded yet.
        camera: the camera's name.
        stamp_ns: time of exposure.
        received_s: when the callback got it, ``time.monotonic()``.
        done: set once ``outcome`` holds an answer.
        outcome: what the processing returned, or the exception it raised.
    """

    message: Any
    camera: str
    stamp_ns: int
    received_s: float
    done: threading.Event = field(default_factory=threading.Event)
    outcome: Any = None


class NewestFrameWorker:
    """Works on one image at a time; while it is busy, a newer image of the same camera replaces the waiting one.

    Cameras take turns: the one served longest ago goes first. An image waits at most one period of its camera, for
    then a newer one takes its place, and at most one turn of every camera. With cameras faster than the processing no
    answer is therefore older than twice the processing time, however many cameras there are.
    """

    def __init__(self, process: Callable[[ImageJob], Any], dropped: Callable[[ImageJob], None]) -> None:
        """Prepare, without starting the thread.

        Args:
            process: called in the worker's thread with each image.
            dropped: called in the offering thread with each image that a newer one replaced.
        """
        self._process = process
        self._dropped = dropped
        self._wake = threading.Condition()
        self._waiting: dict[str, ImageJob] = {}
        self._served_s: dict[str, float] = {}
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="localizer", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the running image, forget the waiting ones, end the thread."""
        if self._thread is None:
            return
        with self._wake:
            self._stopping = True
            self._waiting.clear()
            self._wake.notify()
        self._thread.join(timeout_s)
        self._thread = None

    @property
    def is_running(self) -> bool:
        """Whether images offered now will be worked on."""
        return self._thread is not None and self._thread.is_alive()

    def offer(self, job: ImageJob) -> None:
        """Let *job* wait for its turn in place of an older image of its camera."""
        with self._wake:
            replaced = self._waiting.get(job.camera)
            self._waiting[job.camera] = job
            self._wake.notify()
        if replaced is not None:
            self._dropped(replaced)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.outcome = self._process(job)
            except Exception as error:
                job.outcome = error
            job.done.set()

    def _next(self) -> ImageJob | None:
        with self._wake:
            while not self._waiting and not self._stopping:
                self._wake.wait()
            if self._stopping:
                return None
            camera = min(self._waiting, key=lambda name: self._served_s.get(name, 0.0))
            self._served_s[camera] = time.monotonic()
            return self._waiting.pop(camera)
