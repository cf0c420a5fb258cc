# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two folders whose images correspond by number: Nordland's traverses, SPED's pairs."""

from __future__ import annotations

import re
from pathlib import Path

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.image_sets import image_names


def numbered_images(folder: Path, only: frozenset[str] | None = None) -> list[str]:
    """Return the images of *folder* in the order of the numbers in their names (2 before 10).

    Args:
        folder: searched with its subfolders.
        only: file names to keep, where given.

    Raises:
        TrainingError: no such folder, or no image in it.
    """
    names = [name for name in image_names(folder) if only is None or Path(name).name in only]
    if not names:
        raise TrainingError(f"no images in {folder}", "Check how the data set was unpacked")
    return sorted(names, key=_numbers)


def _numbers(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
