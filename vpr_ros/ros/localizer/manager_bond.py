# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The bond with Nav2's lifecycle manager: a sign of life, by which it sees that a node it activated is still there.

Nav2 asks for it from every node it manages, unless its ``bond_timeout`` is 0. The message comes with the package
``bond``, which Nav2 itself needs and which the wheels of a machine without ROS lack, so it is imported late.
"""

from __future__ import annotations

import importlib
import threading
import uuid
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

PERIOD_S = 0.1
"""As Nav2's own nodes; its manager waits for 4 s."""
TIMEOUT_S = 4.0
"""What the message says about it; whoever listens decides for himself."""


class ManagerBond:
    """This side of the bond, as ``bondcpp`` and ``bondpy`` speak it on the topic ``bond``: alive, alive, ..., dead.

    It beats in a thread of its own. Opening a large map keeps the node's thread for seconds, which is no reason for
    Nav2 to switch the robot off; and what becomes of the manager is no reason for the localizer to stop.
    """

    def __init__(self, node: Node, status_type: Any) -> None:
        """Use ``open_bond``."""
        self._type = status_type
        self._id = node.get_name()
        self._publisher = node.create_publisher(status_type, "bond", 10)
        self._context = node.context
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._instance_id = ""
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def form(self) -> None:
        """Begin to say that the node is alive, as somebody that the manager has not met."""
        self.end()
        self._instance_id = str(uuid.uuid4())
        self._ending.clear()
        self._thread = threading.Thread(target=self._beat, name="bond", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Say that it is over, so that the manager need not wait for what does not come."""
        if self._thread is None:
            return
        self._ending.set()
        self._thread.join()
        self._thread = None
        self._say(active=False)

    def _beat(self) -> None:
        while True:
            self._say(active=True)
            if self._ending.wait(PERIOD_S):
                return

    def _say(self, *, active: bool) -> None:
        if not self._context.ok():  # asked to end from outside: there is no graph left to say it to
            return
        status = self._type(
            id=self._id,
            instance_id=self._instance_id,
            active=active,
            heartbeat_timeout=TIMEOUT_S,
            heartbeat_period=PERIOD_S,
        )
        status.header.stamp = self._clock.now().to_msg()
        self._publisher.publish(status)


def open_bond(node: Node) -> ManagerBond | None:
    """The bond of *node*, not formed yet, or None where the package ``bond`` is not installed, which the log says."""
    try:
        status_type = importlib.import_module("bond.msg").Status
    except (ImportError, AttributeError):  # AttributeError: a package of the same name that has nothing to do with ROS
        node.get_logger().info(
            "the package bond is not installed, so Nav2's lifecycle manager would take this node for dead: "
            "install it, or set the manager's bond_timeout to 0.0"
        )
        return None
    return ManagerBond(node, status_type)
