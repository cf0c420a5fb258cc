# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A node as a process: arguments, signals, exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from vpr_ros.core.command import run_command
from vpr_ros.core.command_line import CommandParser
from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.contained import ContainedExecutor, RCLError, contain_services

AnyNode = TypeVar("AnyNode", bound=Node)
LISTENING_S = 0.2
"""How often the process looks whether it was asked to end."""
LAST_ANSWERS_S = 10.0
"""For how long those who wait for an answer when the process ends are still answered."""
LAST_ON_THE_WAY_S = 0.5
"""For how long the process stays when it has answered them."""


def run_node(
    name: str, make_node: Callable[[], Any], description: str, example: str, argv: Sequence[str] | None = None
) -> int:
    """Spin the node that *make_node* returns until SIGINT, SIGTERM or shutdown; return the exit status.

    Args:
        name: of the command.
        make_node: builds the node once rclpy is initialised; the node has ``start()``, ``close()``, ``waiting``, how
            many callers have no answer yet, and ``report()`` for what its callbacks raise.
        description, example: for ``--help``.
        argv: arguments without the program's name.
    """
    parser = CommandParser(name, description, example)

    def command(arguments: Sequence[str]) -> None:
        parser.parse_args(without_ros_arguments(arguments))
        with _signals_interrupt(), ros_running(["node", *arguments], SignalHandlerOptions.NO):
            _spin(make_node)

    threads = set(threading.enumerate())
    status = run_command(command, sys.argv[1:] if argv is None else argv)
    if any(thread.is_alive() for thread in set(threading.enumerate()) - threads):
        _leave(status)
    return status


def _leave(status: int) -> None:
    """End the process although a thread is still inside the model: everything is closed, nothing waits for it.

    Python would take the interpreter away from under that thread, which ends in an abort and a core dump.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM interrupt, and no other disturb what is closed then.

    rclpy's own handlers would take the graph away first, and with it the last words to whoever waits for an answer.
    """
    asked = threading.Event()

    def interrupt(_number: int, _frame: Any) -> None:
        if not asked.is_set():
            asked.set()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def ros_running(arguments: Sequence[str], signals: SignalHandlerOptions = SignalHandlerOptions.ALL) -> Iterator[None]:
    """Start rclpy and shut it down again.

    Args:
        arguments: the program's name and what follows it, ROS's own arguments among them.
        signals: which of them rclpy is to handle.

    Raises:
        ConfigError: ROS refuses the arguments.
    """
    if signals != SignalHandlerOptions.NO:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # rclpy's own handler would call the one of run_command as well
    with _refusals():
        rclpy.init(args=list(arguments), signal_handler_options=signals)
    try:
        yield
    finally:
        rclpy.try_shutdown()


def without_ros_arguments(arguments: Sequence[str]) -> list[str]:
    """Return what is not ROS's own of the arguments that follow a program's name.

    Raises:
        ConfigError: ROS refuses its own.
    """
    with _refusals():
        return list(remove_ros_args(["program", *arguments])[1:])


def run_program(
    name: str, argv: Sequence[str], make_node: Callable[[], AnyNode], work: Callable[[AnyNode], object]
) -> AnyNode | None:
    """Let the node that *make_node* returns do its *work*, until that is done or SIGINT or SIGTERM comes.

    Args:
        name: of the program.
        argv: what follows its name, ROS's own arguments among them.
        make_node, work: called once rclpy is initialised.

    Returns:
        The node, destroyed; None where it was asked to end before there was one.

    Raises:
        ConfigError: ROS refuses the arguments.
    """
    node: AnyNode | None = None
    with ros_running([name, *argv]):
        try:
            with until_asked_to_end():
                node = make_node()
                work(node)
        finally:
            if node is not None:
                node.destroy_node()
    return node


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ConfigError(
            f"ROS refused the arguments: {str(error).splitlines()[0]}", "Check --ros-args and --params-file"
        ) from error


@contextlib.contextmanager
def until_asked_to_end() -> Iterator[None]:
    """Let SIGINT and SIGTERM end what runs inside, whenever they come: while a node is made, they break its context."""
    try:
        yield
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RCLError:
        if rclpy.ok():
            raise


def _spin(make_node: Callable[[], Any]) -> None:
    node = executor = None
    try:
        with until_asked_to_end():
            node = make_node()
            executor = ContainedExecutor(node.report)
            executor.add_node(node)
            contain_services(node)
            node.start()
            while True:
                executor.spin_once(LISTENING_S)
    finally:
        if node is not None:
            node.close()
        if executor is not None:
            _answer_the_last(node, executor)
            executor.shutdown()
        if node is not None:
            node.destroy_node()


def _answer_the_last(node: Any, executor: ContainedExecutor) -> None:
    if not node.waiting:
        return
    end_s = time.monotonic() + LAST_ANSWERS_S
    with until_asked_to_end():
        while node.waiting and time.monotonic() < end_s:
            executor.spin_once(LISTENING_S)
        # rclpy does not tell of an answer whether it has arrived, and what is on its way ends with the service.
        end_s = time.monotonic() + LAST_ON_THE_WAY_S
        while time.monotonic() < end_s:
            executor.spin_once(LISTENING_S)
