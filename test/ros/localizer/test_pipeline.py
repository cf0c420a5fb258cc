"""The pipeline in the test's own process: an image's way from callback to answer, and an exchange of the setup."""

from __future__ import annotations

import gc
import queue
import re
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from some_setup import some_setup

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from harness import DEADLINE_S, FakeCamera, GraphClient, place_pose
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode

from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.localizer.failures import Failure, FailureType
from vpr_ros.ros.localizer.image_job import Answer, ImageJob, Outcome
from vpr_ros.ros.localizer.pipeline import Pipeline
from vpr_ros.ros.localizer.setup import LocalizerSetup

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def opened(texture_map: Path) -> LocalizerSetup:
    return some_setup(texture_map)


@pytest.fixture
def pipeline(client: GraphClient) -> Iterator[Pipeline]:
    """Of a node that the test's client spins."""
    node = LifecycleNode("pipeline_of_the_test")
    logged: list[str] = []
    pipeline = Pipeline(node, ErrorLog(logged.append), Clock(clock_type=ClockType.STEADY_TIME))
    client.executor.add_node(node)
    yield pipeline
    pipeline.stop()
    client.executor.remove_node(node)
    node.destroy_node()


def answered(client: GraphClient, pipeline: Pipeline, camera: FakeCamera) -> Answer:
    """What the pipeline says of the next image that it receives."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    before = pipeline.cameras[0].statistics.received
    client.wait_for(lambda: pipeline.cameras[0].statistics.received > before, "an image", camera.publish)
    assert pipeline.ask(outcomes.put, TIMEOUT_S) is None
    outcome = outcomes.get(timeout=DEADLINE_S)
    assert isinstance(outcome, Answer)
    return outcome


def test_what_is_asked_before_an_image_came_is_refused(pipeline: Pipeline, opened: LocalizerSetup) -> None:
    with pytest.raises(ConfigError, match="no map and no model yet"):
        pipeline.start()
    pipeline.use(opened)
    pipeline.start()
    refused = pipeline.ask(lambda _: None, TIMEOUT_S)
    assert isinstance(refused, Failure) and refused.type is FailureType.NO_IMAGE


def test_an_exchange_holds_for_the_cameras_that_run_and_one_that_fails_for_none(
    pipeline: Pipeline, opened: LocalizerSetup, client: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.use(opened)
    pipeline.start()
    camera = FakeCamera(client, "/camera")
    assert answered(client, pipeline, camera).map_frame == "map"
    site = some_setup(opened.place_map.path, None, opened, map_frame="site")
    pipeline.use(site)
    assert answered(client, pipeline, camera).map_frame == "site"

    def fail(*_: object) -> None:
        raise OSError("the map went away")

    monkeypatch.setattr(pipeline.outputs, "publish_map", fail)
    with pytest.raises(OSError, match="went away"):
        pipeline.use(opened)
    assert pipeline.setup is site
    assert answered(client, pipeline, camera).map_frame == "site"


class Witness:
    """Notes every file of ours in which a function has an ``ImageJob`` at hand, in any thread."""

    def __init__(self) -> None:
        self.files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event != "return" or not path.is_relative_to(ROOT / "vpr_ros"):
            return
        if any(type(value) is ImageJob for value in (*frame.f_locals.values(), argument)):
            self.files.add(str(path.relative_to(ROOT)))


def on_the_way() -> list[str]:
    """The files that CONTRIBUTING.md lists."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## The way of an image")[1].split("\n## ")[0]
    return re.findall(r"^\d\. `([\w/]+\.py)`", section, flags=re.MULTILINE)


def test_an_image_passes_through_the_modules_on_the_list(
    pipeline: Pipeline, opened: LocalizerSetup, client: GraphClient
) -> None:
    witness = Witness()
    pipeline.use(opened)
    threading.setprofile(witness)  # the worker's thread is made by start
    sys.setprofile(witness)
    try:
        pipeline.start()
        camera = FakeCamera(client, "/camera")
        statistics = pipeline.cameras[0].statistics
        client.wait_for(lambda: statistics.accepted, "an answer", camera.publish)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    assert witness.files == set(on_the_way())
    localization, _ = answered(client, pipeline, camera)
    assert localization.T_map_base is not None
    assert localization.T_map_base.distance_m(place_pose(0)) < 0.5


def test_map_and_model_are_let_go_of_once_nothing_runs_and_the_setup_is_gone(
    pipeline: Pipeline, texture_map: Path, client: GraphClient
) -> None:
    pipeline.use(some_setup(texture_map))
    assert pipeline.setup is not None
    held = weakref.ref(pipeline.setup.place_map)
    pipeline.start()
    answered(client, pipeline, FakeCamera(client, "/camera"))
    pipeline.stop()
    assert held() is not None
    pipeline.setup = None  # as cleanup does
    # the executor's own list of subscriptions is of its last round
    client.wait_for(lambda: gc.collect() >= 0 and held() is None, "the end of the map")
