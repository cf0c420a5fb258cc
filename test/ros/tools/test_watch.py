# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``watch`` beside the real node and the real player: what was right, counted from the outside."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from harness import FakeCamera, GraphClient, RosProcess, StartNode, TextureSource
from rclpy.node import Node

from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.tools.listeners import wait_for_nodes
from vpr_ros.ros.tools.watch import WatchNode, main, rejections
from vpr_ros.sources.bag_writer import write_bag

MODULE = "vpr_ros.ros.tools.watch"
PLAYER = "vpr_ros.ros.tools.play"
WAITING = ("--wait-for", "vpr_localizer", "--wait-for", "watch")
TRUTH = "/play/ground_truth"
REMAPPED = ("--ros-args", "-r", f"ground_truth:={TRUTH}")
PLACES = 2  # one a second, so that none is dropped because the model is still busy with the one before


def test_reports_recall_error_and_latency_of_a_live_run(
    texture_map: Path,
    tmp_path: Path,
    start_localizer: StartNode,
    start_process: Callable[..., RosProcess],
    client: GraphClient,
) -> None:
    write_bag(tmp_path / "drive", (record.load() for record in TextureSource(12)))
    poses = client.collect(PoseWithCovarianceStamped, "/vpr_localizer/pose")
    options = ("--threshold", "5", "--print-poses")
    watch = start_process(MODULE, "--output", str(tmp_path / "report"), *options, *REMAPPED)
    start_localizer(map=texture_map)
    client.wait_for(lambda: client.node.count_subscribers(TRUTH), "watch to listen")
    player = start_process(PLAYER, str(tmp_path / "drive"), "--rate-factor", "4", *WAITING)
    client.wait_for(lambda: not player.is_running, "the end of the drive")
    client.wait_for(lambda: watch.output.count("pose  x") >= len(poses) > 6, "watch to hear what we heard")
    assert watch.end(signal.SIGTERM) == 0
    lines = dict(line.split(maxsplit=1) for line in watch.output.splitlines() if "  " in line and "pose  x" not in line)
    assert lines["recall@1"].startswith("100.0 %")
    assert lines["right"] == "means        the best match is correct: a map frame within 5 m"
    assert ", 0 of them wrong" in lines["accepted"]
    answered = next(line for line in watch.output.splitlines() if line.startswith("images answered"))
    assert int(answered.split()[2]) >= len(poses)
    assert (tmp_path / "report" / "live.png").stat().st_size > 1000


@pytest.mark.parametrize("order", ["play watch localize", "localize play watch"])
def test_no_image_is_missed_whoever_comes_last(
    order: str,
    texture_map: Path,
    tmp_path: Path,
    start_localizer: StartNode,
    start_process: Callable[..., RosProcess],
    client: GraphClient,
) -> None:
    write_bag(tmp_path / "drive", (record.load() for record in TextureSource(PLACES)))
    truths = client.collect(PoseStamped, TRUTH, 100)
    processes: dict[str, RosProcess] = {}
    for name in order.split():
        if name == "play":
            processes[name] = start_process(PLAYER, str(tmp_path / "drive"), *WAITING)
        elif name == "localize":
            processes[name] = start_localizer(map=texture_map)
        else:
            processes[name] = start_process(MODULE, "--output", str(tmp_path / "report"), *REMAPPED)
        if name != order.rsplit(maxsplit=1)[-1]:
            sign = {"play": TRUTH, "localize": "/vpr_localizer/candidates", "watch": "/watch/get_parameters"}[name]
            client.wait_for(lambda sign=sign: is_known(client, sign), f"{name} to be there")  # type: ignore[misc]
            assert truths == [], "the player began before everybody was there"
    client.wait_for(lambda: not processes["play"].is_running, "the end of the drive", deadline_s=60.0)
    assert f"played {PLACES} images" in processes["play"].output
    assert "answers no call" not in processes["play"].output
    assert processes["watch"].end(signal.SIGTERM) == 0
    assert f"images answered    {PLACES} of {PLACES} played" in processes["watch"].output


@pytest.fixture
def watch_node(client: GraphClient) -> Iterator[WatchNode]:
    """In the test's own process; what a failing test left behind would be taken for the next one's process."""
    watch = WatchNode(print_poses=False)
    watch.localizer = "/vpr_localizer"
    client.executor.add_node(watch)
    yield watch
    client.executor.remove_node(watch)
    watch.destroy_node()  # type: ignore[no-untyped-call]


def test_it_hears_the_types_of_rejections(
    texture_map: Path, start_localizer: StartNode, client: GraphClient, watch_node: WatchNode
) -> None:
    camera = FakeCamera(client)
    camera.place = 99
    start_localizer("-p", "localizer.min_similarity:=1.0", map=texture_map)
    client.wait_for(camera.subscribers, "the localizer to listen")
    client.wait_for(lambda: watch_node.log.latency_ms, "an answer", camera.publish)
    client.wait_for(lambda: watch_node.log.rejected.get("dissimilar"), "the count", camera.publish)
    assert [name for name, count in watch_node.log.rejected.items() if count] == ["dissimilar"]


def test_counts_are_those_of_an_active_localizer_and_of_nobody_who_makes_numbers_up() -> None:
    said = {"state": "active", "rejected": "9", "rejected improbable": "3", "rejected refuted": "9" * 5000}
    assert rejections(said) == {"no_candidate": 0, "refuted": 0, "dissimilar": 0, "improbable": 3, "unproved": 0}
    assert rejections({**said, "state": "inactive", "rejected improbable": "0"}) is None
    assert rejections({}) is None


def is_known(client: GraphClient, name: str) -> bool:
    """Whether a topic is published or a service offered under this name."""
    services = {service for service, _ in client.node.get_service_names_and_types()}
    return bool(client.node.count_publishers(name)) or name in services


def test_a_listener_that_does_not_come_is_named(client: GraphClient) -> None:
    client.collect(PoseStamped, TRUTH, 100)
    player = Node("player")
    truth = player.create_publisher(PoseStamped, TRUTH, 100)
    client.wait_for(truth.get_subscription_count, "the test to listen")
    with pytest.raises(ConfigError, match=f"^watch did not subscribe to {TRUTH} within 1 s; who listens: /test_client"):
        wait_for_nodes(player, [truth], ["test_client", "watch"], 1.0)
    player.destroy_node()


def test_no_localizer_is_said_with_what_to_do(
    tmp_path: Path, start_process: Callable[..., RosProcess], client: GraphClient
) -> None:
    watch = start_process(MODULE, "--output", str(tmp_path / "report"))
    client.wait_for(lambda: is_known(client, "/watch/get_parameters"), "watch to be there")
    assert watch.end(signal.SIGTERM) == 2
    assert "no localizer was heard on /vpr_localizer/candidates" in watch.output
    assert "Traceback" not in watch.output


def test_no_truth_is_said_with_what_to_do(
    texture_map: Path,
    tmp_path: Path,
    start_localizer: StartNode,
    start_process: Callable[..., RosProcess],
    client: GraphClient,
) -> None:
    watch = start_process(MODULE, "--output", str(tmp_path / "report"))
    start_localizer(map=texture_map)
    client.wait_for(lambda: client.node.count_subscribers("/ground_truth"), "watch to listen")
    assert watch.end(signal.SIGTERM) == 2
    assert "Start watch before the player" in watch.output
    assert "Traceback" not in watch.output


def test_the_threshold_is_still_known_by_its_old_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--radius-m", "5", "--help"])
    captured = capsys.readouterr()
    assert captured.err == (
        "warning: --radius-m is now called --threshold; the next release will not know the old name\n"
    )
    assert "--threshold M" in captured.out and "--radius-m" not in captured.out
