# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Tables on stdout: as wide as the terminal, or as they need to be in a file."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH_OF_A_FILE = 200


def stdout_console() -> Console:
    """Return a console on stdout. rich takes 80 columns for a pipe, in which a wide table falls to pieces."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH_OF_A_FILE)
