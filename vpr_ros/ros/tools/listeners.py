"""Waiting until somebody listens, and until both sides know of each other: nothing is lost at the start.

A publisher that has found a subscriber does not know whether it was found itself. A best-effort reader drops what comes
from a writer it has not discovered yet, and no message tells. A participant announces its endpoints in the order they
were made, reliably (DDSI-RTPS 2.3, section 8.5.4): who answers a call of a client that was made last has discovered all
that was made before. Every node of rclpy and rclcpp answers ``get_parameters``, unless it was told not to.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import rclpy
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node

from vpr_ros.core.errors import ConfigError

PATIENCE_S = 30.0
"""How long players wait for a listener."""
POLL_S = 0.05
NO_NAME = "_NODE_NAME_UNKNOWN_"
"""What rmw says of an endpoint whose node is not known; a participant that is no ROS node has none."""
UNKNOWN = "a participant without a node's name"
NAME_S = 2.0
SERVICE_S = 2.0
"""How long a node that is already known may take to show its services; some have none."""
ANSWER_S = 10.0
ASK_AGAIN_S = 1.0
"""A server that has not discovered the client yet drops its answer."""


def wait_for_listeners(node: Node, images: Any, truth: Any, options: argparse.Namespace) -> None:
    """Wait for whom the options of ``add_beginning`` name.

    Raises:
        ConfigError: one of them did not listen within ``PATIENCE_S``.
    """
    if options.wait_for_subscriber:
        wait_for_subscriber(node, images, PATIENCE_S)
    wait_for_nodes(node, [images, truth], options.wait_for, PATIENCE_S)


def wait_for_subscriber(node: Node, publisher: Any, timeout_s: float) -> None:
    """Wait until somebody subscribes to *publisher* and has discovered *node*.

    Raises:
        ConfigError: nobody subscribed within *timeout_s*.
    """
    deadline_s = time.monotonic() + timeout_s
    while rclpy.ok() and publisher.get_subscription_count() == 0:
        if time.monotonic() > deadline_s:
            raise ConfigError(
                f"nobody subscribed to {publisher.topic_name} within {timeout_s:g} s",
                "Start the localizer first, in the same ROS_DOMAIN_ID, and check the topic names",
            )
        rclpy.spin_once(node, timeout_sec=POLL_S)
    deadline_s = time.monotonic() + NAME_S
    while rclpy.ok() and UNKNOWN in (peers := subscribers(node, [publisher])) and time.monotonic() < deadline_s:
        rclpy.spin_once(node, timeout_sec=POLL_S)
    _introduce(node, peers)


def wait_for_nodes(node: Node, publishers: Sequence[Any], names: Sequence[str], timeout_s: float) -> None:
    """Wait until each node called so subscribes to one of *publishers* and has discovered *node*.

    Raises:
        ConfigError: one of them did not within *timeout_s*.
    """
    deadline_s = time.monotonic() + timeout_s
    while rclpy.ok():
        listening = subscribers(node, publishers)
        wanted = {name: _called(name, listening) for name in names}
        if all(wanted.values()):
            _introduce(node, [peer for peer in wanted.values() if peer is not None])
            return
        if time.monotonic() > deadline_s:
            missing = ", ".join(name for name, peer in wanted.items() if peer is None)
            topics = ", ".join(publisher.topic_name for publisher in publishers)
            raise ConfigError(
                f"{missing} did not subscribe to {topics} within {timeout_s:g} s; "
                f"who listens: {', '.join(listening) or 'nobody'}",
                "Start them in the same ROS_DOMAIN_ID, and check node and topic names; watch hears the truth with "
                "--ros-args -r ground_truth:=/play/ground_truth",
            )
        rclpy.spin_once(node, timeout_sec=POLL_S)


def subscribers(node: Node, publishers: Sequence[Any]) -> list[str]:
    """Full names of the nodes that subscribe to any of *publishers*, ``UNKNOWN`` where one did not say its name yet."""
    return _names([end for p in publishers for end in node.get_subscriptions_info_by_topic(p.topic_name)])


def publishers_of(node: Node, topic: str) -> list[str]:
    """Full names of the nodes that publish *topic*, see ``subscribers``."""
    return _names(node.get_publishers_info_by_topic(topic))


def has_discovered(node: Node, peer: str, timeout_s: float) -> bool:
    """Wait until *peer*, a node's full name, has discovered every publisher and subscription *node* has by now.

    Returns:
        False where it showed no services or did not answer within *timeout_s*.
    """
    client = node.create_client(GetParameters, f"{peer}/get_parameters")
    answers: list[Any] = []
    started_s = time.monotonic()
    ask_s = started_s
    try:
        while rclpy.ok() and not any(answer.done() for answer in answers):
            now_s = time.monotonic()
            if now_s - started_s > timeout_s or (not answers and now_s - started_s > SERVICE_S):
                return False
            if now_s >= ask_s and client.service_is_ready():
                answers.append(client.call_async(GetParameters.Request()))
                ask_s = now_s + ASK_AGAIN_S
            rclpy.spin_once(node, timeout_sec=POLL_S)
        return bool(answers)
    finally:
        node.destroy_client(client)


def _names(endpoints: Sequence[Any]) -> list[str]:
    names = {f"{end.node_namespace.rstrip('/')}/{end.node_name}" for end in endpoints}
    return sorted(UNKNOWN if name.endswith(NO_NAME) else name for name in names)


def _introduce(node: Node, peers: Sequence[str]) -> None:
    for peer in peers:
        if rclpy.ok() and (peer == UNKNOWN or not has_discovered(node, peer, ANSWER_S)):
            node.get_logger().warning(f"{peer} answers no call: whether it hears the first messages is not known")


def _called(name: str, listening: Sequence[str]) -> str | None:
    """The full name of the node called *name*, with or without its namespace."""
    return next((peer for peer in listening if name in {peer, peer.lstrip("/"), peer.rsplit("/", 1)[-1]}), None)
