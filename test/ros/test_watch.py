"""``watch`` beside the real node and the real player: what was right, counted from the outside."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from geometry_msgs.msg import PoseWithCovarianceStamped
from harness import GraphClient, RosProcess, StartNode, TextureSource

from vpr_ros.sources.bag_writer import write_bag

MODULE = "vpr_ros.ros.watch_node"


def test_reports_recall_error_and_latency_of_a_live_run(
    texture_map: Path,
    tmp_path: Path,
    start_localizer: StartNode,
    start_process: Callable[..., RosProcess],
    client: GraphClient,
) -> None:
    write_bag(tmp_path / "drive", (record.load() for record in TextureSource(12)))
    poses = client.collect(PoseWithCovarianceStamped, "/vpr_localizer/pose")
    watch = start_process(
        MODULE, "--output", str(tmp_path / "report"), "--print-poses", "--ros-args", "-r",
        "ground_truth:=/play/ground_truth",
    )  # fmt: skip
    client.wait_for(lambda: client.node.count_subscribers("/play/ground_truth"), "watch to listen")
    start_localizer(map=texture_map)
    client.wait_for(lambda: client.node.count_publishers("/vpr_localizer/candidates"), "the node")
    player = start_process(
        "vpr_ros.ros.play_node", str(tmp_path / "drive"), "--rate-factor", "4", "--wait-for-subscriber"
    )
    client.wait_for(lambda: not player.is_running, "the end of the drive")
    client.wait_for(lambda: watch.output.count("pose  x") >= len(poses) > 6, "watch to hear what we heard")
    assert watch.end(signal.SIGTERM) == 0
    lines = dict(line.split(maxsplit=1) for line in watch.output.splitlines() if "  " in line and "pose  x" not in line)
    assert lines["recall@1"] == "100.0 % (within 5 m)"
    answered = next(line for line in watch.output.splitlines() if line.startswith("images answered"))
    assert int(answered.split()[2]) >= len(poses)
    assert (tmp_path / "report" / "live.png").stat().st_size > 1000


def test_nothing_heard_is_said_with_what_to_do(
    tmp_path: Path, start_process: Callable[..., RosProcess], client: GraphClient
) -> None:
    watch = start_process(MODULE, "--output", str(tmp_path / "report"))
    client.wait_for(lambda: client.node.count_subscribers("/ground_truth"), "watch to listen")
    assert watch.end(signal.SIGTERM) == 2
    assert "Start watch before the player" in watch.output
    assert "Traceback" not in watch.output
