"""When a player begins: the same two options for each of them. No ROS."""

from __future__ import annotations

import argparse


def add_beginning(parser: argparse.ArgumentParser) -> None:
    """Add ``--wait-for-subscriber`` and ``--wait-for``, which ``listeners.wait_for_listeners`` follows."""
    parser.add_argument("--wait-for-subscriber", action="store_true", help="begin when somebody listens to the camera")
    parser.add_argument(
        "--wait-for", metavar="NODE", action="append", default=[],
        help="begin when this node listens, for example vpr_localizer or watch; may be given more than once",
    )  # fmt: skip
