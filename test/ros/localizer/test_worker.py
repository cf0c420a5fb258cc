"""The worker: newest image wins, cameras take turns, an error answers one image and no more."""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from some_answers import accepted
from some_setup import some_setup

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from vpr_ros.core.errors import ModelError
from vpr_ros.ros.localizer import worker
from vpr_ros.ros.localizer.image_job import Answer, Camera, ImageJob, Outcome
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.worker import NewestFrameWorker

DEADLINE_S = 10.0
Outcomes = queue.SimpleQueue[Outcome]
"""What an image's asker was told."""


class Bench:
    """Works on an image only when the test lets it; an image's name is its frame_id."""

    def __init__(self, setup: LocalizerSetup) -> None:
        self.begun: list[str] = []
        self.started, self.may_go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.worker = NewestFrameWorker(self._process)
        self.cameras = {name: Camera(name, setup) for name in ("front", "left", "right")}
        self._images: defaultdict[str, Image] = defaultdict(Image)

    def offer(self, name: str, camera: str = "front") -> Outcomes:
        outcomes: Outcomes = queue.SimpleQueue()
        job = self._job(name, camera)
        job.askers.append(outcomes.put)
        self.worker.offer(job)
        return outcomes

    def ask(self, name: str, camera: str = "front") -> Outcomes:
        outcomes: Outcomes = queue.SimpleQueue()
        self.worker.ask(self._job(name, camera), outcomes.put)
        return outcomes

    def wait_until_begun(self) -> str:
        assert self.started.acquire(timeout=DEADLINE_S)
        return self.begun[-1]

    def finish(self, outcomes: Outcomes) -> str:
        self.may_go_on.release()
        return told(outcomes)

    def _job(self, name: str, camera: str) -> ImageJob:
        message = self._images[name]
        message.header = Header(frame_id=name)
        return ImageJob(message, self.cameras[camera], 0, time.monotonic())

    def _process(self, job: ImageJob) -> Answer:
        name = job.message.header.frame_id
        self.begun.append(name)
        self.started.release()
        assert self.may_go_on.acquire(timeout=DEADLINE_S)
        if name == "bad":
            raise ValueError("bad image")
        return Answer(accepted(), f"answer to {name}")


def told(outcomes: Outcomes) -> str:
    """What is in the outcome, in a word."""
    outcome = outcomes.get(timeout=DEADLINE_S)
    return outcome.map_frame if isinstance(outcome, Answer) else str(outcome)


@pytest.fixture(scope="module")
def opened(texture_map: Path) -> LocalizerSetup:
    return some_setup(texture_map, cameras=("front", "left", "right"))


@pytest.fixture
def bench(opened: LocalizerSetup) -> Iterator[Bench]:
    bench = Bench(opened)
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
    assert bench.cameras["front"].statistics.dropped == 2
    assert bench.finish(first) == "answer to 1"
    assert bench.wait_until_begun() == "4"
    assert bench.finish(waiting[-1]) == "answer to 4"
    assert bench.begun == ["1", "4"]
    assert [told(outcomes) for outcomes in waiting[:2]] == ["answer to 4"] * 2  # who asked for an older
    assert all(outcomes.empty() for outcomes in [first, *waiting])  # each is told once


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
    bench.may_go_on.release()
    assert isinstance(bad.get(timeout=DEADLINE_S), ValueError)
    good = bench.offer("good")
    bench.wait_until_begun()
    assert bench.finish(good) == "answer to good"


def test_stopping_forgets_what_waits_and_starting_again_works(bench: Bench) -> None:
    bench.offer("1")
    bench.wait_until_begun()
    waiting = bench.offer("2")
    stopper = threading.Thread(target=bench.worker.stop)
    stopper.start()
    bench.may_go_on.release()
    stopper.join(DEADLINE_S)
    assert not bench.worker.is_running
    assert waiting.get(timeout=DEADLINE_S) is None
    bench.worker.start()
    again = bench.offer("3")
    assert bench.wait_until_begun() == "3"
    assert bench.finish(again) == "answer to 3"


def test_who_asks_about_an_image_at_work_or_waiting_shares_its_answer(bench: Bench) -> None:
    running = bench.ask("1")
    assert bench.wait_until_begun() == "1"
    also_running = bench.ask("1")
    waiting = [bench.ask("2"), bench.ask("2")]
    assert bench.cameras["front"].statistics.dropped == 0
    assert bench.finish(running) == told(also_running) == "answer to 1"
    assert bench.wait_until_begun() == "2"
    assert bench.finish(waiting[0]) == told(waiting[1]) == "answer to 2"
    assert bench.begun == ["1", "2"]


def test_a_model_that_does_not_return_is_named_and_keeps_the_only_thread(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STUCK_AFTER_S", 0.0)
    asked = bench.offer("1")
    assert bench.wait_until_begun() == "1"
    assert "working on one image of camera front for 0 s" in bench.worker.stuck
    assert not bench.worker.stop(timeout_s=0.05)
    assert asked.get(timeout=DEADLINE_S) is None
    assert not bench.worker.is_running
    with pytest.raises(ModelError, match="still works on an image"):
        bench.worker.start()
    bench.may_go_on.release()
    assert bench.worker.stop(DEADLINE_S)  # as soon as the model returns
    bench.worker.start()
    assert bench.finish(bench.offer("2")) == "answer to 2"
    assert asked.empty()


def test_a_worker_that_never_started_is_stopped_already(opened: LocalizerSetup) -> None:
    idle = Bench(opened).worker
    assert idle.stop()
    assert not idle.is_running
    assert idle.busy_s() == 0.0
