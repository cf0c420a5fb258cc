"""The TF of a robot: what its drivers broadcast, and what others make of it. Import only where tf2_ros is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tf2_ros
from geometry_msgs.msg import TransformStamped
from harness import Diagnostics, FakeCamera, GraphClient, RosProcess, StartNode
from rclpy.qos import QoSProfile
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from vpr_ros.core.message_fields import stamp_ns_of, transform_of
from vpr_ros.core.pose import Pose
from vpr_ros.ros.messages import to_header


def stamped(T_parent_child: Pose, parent: str, child: str, stamp_ns: int = 0) -> TransformStamped:
    """One transform as a message."""
    message = TransformStamped(header=to_header(stamp_ns, parent), child_frame_id=child)
    shift, turn = message.transform.translation, message.transform.rotation
    shift.x, shift.y, shift.z = T_parent_child.position_m
    turn.x, turn.y, turn.z, turn.w = T_parent_child.rotation.as_quat().tolist()
    return message


def to_pose(message: TransformStamped) -> Pose:
    """``T_parent_child`` of a message."""
    return transform_of(message.transform)


class TfTree:
    """Broadcasts from the test's node, and listens as RViz or Nav2 would."""

    def __init__(self, client: GraphClient) -> None:
        self._static = tf2_ros.StaticTransformBroadcaster(client.node)
        self._moving = tf2_ros.TransformBroadcaster(client.node)
        self._sent: list[TFMessage] = client.collect(TFMessage, "/tf", QoSProfile(depth=1000))
        self.buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self.buffer, client.node)

    def fix(self, T_parent_child: Pose, parent: str, child: str) -> None:
        """Broadcast a transform that never changes, latched."""
        self._static.sendTransform(stamped(T_parent_child, parent, child))

    def move(self, T_parent_child: Pose, parent: str, child: str, stamp_ns: int) -> None:
        """Broadcast where *child* is at one moment."""
        self._moving.sendTransform(stamped(T_parent_child, parent, child, stamp_ns))

    def sent(self, parent: str) -> list[tuple[int, Pose]]:
        """(stamp_ns, T_parent_child) of everything moving that was heard below *parent*, in the order it came."""
        heard: list[Any] = [transform for message in self._sent for transform in message.transforms]
        return [(stamp_ns_of(t.header.stamp), to_pose(t)) for t in heard if t.header.frame_id == parent]

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose | None:
        """What a listener reads at one moment, None while it cannot."""
        try:
            return to_pose(self.buffer.lookup_transform(target, source, Time(nanoseconds=stamp_ns)))
        except tf2_ros.TransformException:
            return None


@dataclass(frozen=True)
class Scene:
    """A node that can be started, a robot's camera and tree before it, and what it says about itself.

    Attributes:
        start: ``start_localizer`` with a map; another ``map=`` may be given.
        client, tree, camera, diagnostics: see their classes.
    """

    start: Callable[..., RosProcess]
    client: GraphClient
    tree: TfTree
    camera: FakeCamera
    diagnostics: Diagnostics

    @classmethod
    def of(cls, start: StartNode, place_map: Path, client: GraphClient, place: int) -> Scene:
        """Everything in the test's own node; the camera sees *place*."""
        camera = FakeCamera(client)
        camera.place = place
        return cls(partial(start, map=place_map), client, TfTree(client), camera, Diagnostics(client))
