"""The worker: newest image wins, cameras take turns, an error answers one image and no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from vpr_ros.ros.worker import ImageJob, NewestFrameWorker

DEADLINE_S = 10.0


class Bench:
    """Works on an image only when the test lets it."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.dropped: list[str] = []
        self.started, self.may_go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.worker = NewestFrameWorker(self._process, lambda job: self.dropped.append(job.message))

    def offer(self, name: str, camera: str = "front") -> ImageJob:
        job = ImageJob(name, camera, 0, time.monotonic())
        self.worker.offer(job)
        return job

    def wait_until_begun(self) -> str:
        assert self.started.acquire(timeout=DEADLINE_S)
        return self.begun[-1]

    def finish(self, job: ImageJob) -> object:
        self.may_go_on.release()
        assert job.done.wait(DEADLINE_S)
        return job.outcome

    def _process(self, job: ImageJob) -> str:
        self.begun.append(job.message)
        self.started.release()
        assert self.may_go_on.acquire(timeout=DEADLINE_S)
        if job.message == "bad":
            raise ValueError("bad image")
        return f"answer to {job.message}"


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.worker.start()
    yield bench
    for _ in range(20):
        bench.may_go_on.release()
    bench.worker.stop()
    assert not bench.worker.is_running


def test_while_it_works_only_the_newest_image_waits(bench: Bench) -> None:
    first = bench.offer("1")
    assert bench.wait_until_begun() == "1"
    waiting = [bench.offer(name) for name in "234"]
    assert bench.dropped == ["2", "3"]
    assert bench.finish(first) == "answer to 1"
    assert bench.wait_until_begun() == "4"
    assert bench.finish(waiting[-1]) == "answer to 4"
    assert bench.begun == ["1", "4"]
    assert not waiting[0].done.is_set()


def test_a_fast_camera_does_not_starve_the_others(bench: Bench) -> None:
    job = bench.offer("front 0")
    order = []
    for turn in range(1, 7):
        order.append(bench.wait_until_begun().split()[0])
        bench.offer(f"front {turn}")
        bench.offer(f"left {turn}", "left")
        bench.offer(f"right {turn}", "right")
        bench.finish(job) if turn == 1 else bench.may_go_on.release()
    assert order[1:4] != order[1:2] * 3
    assert sorted(order[1:4]) == sorted([*order[4:], bench.wait_until_begun().split()[0]]) == ["front", "left", "right"]


def test_no_camera_waits_with_an_old_image_while_a_newer_one_is_there(bench: Bench) -> None:
    bench.offer("front 0")
    for turn in range(9):  # each lasts as long as three periods of every camera
        camera, taken = bench.wait_until_begun().split()
        assert int(taken) == 3 * turn, f"{camera} is answered with an old image"
        for period in range(1, 4):
            for name in ("front", "left", "right"):
                bench.offer(f"{name} {3 * turn + period}", name)
        bench.may_go_on.release()


def test_an_error_is_the_outcome_of_its_image_alone(bench: Bench) -> None:
    bad = bench.offer("bad")
    bench.wait_until_begun()
    outcome = bench.finish(bad)
    assert isinstance(outcome, ValueError)
    good = bench.offer("good")
    bench.wait_until_begun()
    assert bench.finish(good) == "answer to good"


def test_stopping_forgets_what_waits_and_starting_again_works(bench: Bench) -> None:
    running = bench.offer("1")
    bench.wait_until_begun()
    waiting = bench.offer("2")
    stopper = threading.Thread(target=bench.worker.stop)
    stopper.start()
    bench.finish(running)
    stopper.join(DEADLINE_S)
    assert not bench.worker.is_running
    assert not waiting.done.is_set()
    bench.worker.start()
    again = bench.offer("3")
    assert bench.wait_until_begun() == "3"
    assert bench.finish(again) == "answer to 3"


def test_a_worker_that_is_stopped_before_it_started_can_still_start() -> None:
    dropped: list[ImageJob] = []
    worker = NewestFrameWorker(lambda job: f"answer to {job.message}", dropped.append)
    worker.stop()
    assert not worker.is_running
    worker.start()
    job = ImageJob("1", "front", 0, time.monotonic())
    worker.offer(job)
    assert job.done.wait(DEADLINE_S)
    assert job.outcome == "answer to 1"
    worker.stop()
    assert not worker.is_running
    assert dropped == []
