"""A node as a process: arguments, signals, exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.utilities import remove_ros_args

from vpr_ros.core.command import run_command
from vpr_ros.core.errors import ConfigError


def run_node(make_node: Callable[[], Any], description: str, example: str, argv: Sequence[str] | None = None) -> int:
    """Spin the node that *make_node* returns until SIGINT, SIGTERM or shutdown; return the exit status.

    Args:
        make_node: builds the node once rclpy is initialised; the node has ``start()`` and ``close()``.
        description, example: for ``--help``.
        argv: arguments without the program's name.
    """
    parser = argparse.ArgumentParser(
        description=description, epilog=f"example: {example}", formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def command(arguments: Sequence[str]) -> None:
        parser.parse_args(remove_ros_args(["node", *arguments])[1:])
        try:
            rclpy.init(args=["node", *arguments])
        except RuntimeError as error:
            raise ConfigError(
                f"ROS refused the arguments: {str(error).splitlines()[0]}", "Check --ros-args and --params-file"
            ) from error
        try:
            _spin(make_node)
        finally:
            rclpy.try_shutdown()

    return run_command(command, sys.argv[1:] if argv is None else argv)


def _spin(make_node: Callable[[], Any]) -> None:
    node = make_node()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        node.start()
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # SIGINT and SIGTERM are how a node is asked to end
    finally:
        node.close()
        executor.shutdown()
        node.destroy_node()
