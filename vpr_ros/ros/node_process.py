"""A node as a process: arguments, signals, exit status."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.utilities import remove_ros_args

from vpr_ros.core.command import program, run_command
from vpr_ros.core.errors import ConfigError

RCLError: type[Exception] = rclpy_implementation.RCLError


def run_node(
    name: str, make_node: Callable[[], Any], description: str, example: str, argv: Sequence[str] | None = None
) -> int:
    """Spin the node that *make_node* returns until SIGINT, SIGTERM or shutdown; return the exit status.

    Args:
        name: of the command.
        make_node: builds the node once rclpy is initialised; the node has ``start()`` and ``close()``.
        description, example: for ``--help``.
        argv: arguments without the program's name.
    """
    parser = argparse.ArgumentParser(
        prog=program(name),
        description=description,
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def command(arguments: Sequence[str]) -> None:
        parser.parse_args(without_ros_arguments(arguments))
        with ros_running(["node", *arguments]):
            _spin(make_node)

    return run_command(command, sys.argv[1:] if argv is None else argv)


@contextlib.contextmanager
def ros_running(arguments: Sequence[str]) -> Iterator[None]:
    """Start rclpy and shut it down again.

    Args:
        arguments: the program's name and what follows it, ROS's own arguments among them.

    Raises:
        ConfigError: ROS refuses the arguments.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # rclpy's own handler would call the one of run_command as well
    with _refusals():
        rclpy.init(args=list(arguments))
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
    executor = SingleThreadedExecutor()
    node = None
    try:
        with until_asked_to_end():
            node = make_node()
            executor.add_node(node)
            node.start()
            executor.spin()
    finally:
        if node is not None:
            node.close()
        executor.shutdown()
        if node is not None:
            node.destroy_node()
