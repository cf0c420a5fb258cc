# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``train``: fit a recipe, resume it, or validate a checkpoint by recall.

LightningCLI is its parser: every value of a recipe can be overridden on the command line, and unknown keys are refused.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vpr_ros.core.command import run_command
from vpr_ros.training.recipe_cli import run_recipe


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run_command(run_recipe, argv)


if __name__ == "__main__":
    sys.exit(main())
