# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
