# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A finished cell of a study, as it lies on disk."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.files import parse_json, read_text


def read_cell(path: Path, names: Collection[str]) -> dict[str, Any]:
    """Read what a study keeps of a cell.

    Args:
        path: JSON file.
        names: what it must hold.

    Raises:
        TrainingError: it is damaged.
    """
    cell = parse_json(read_text(path, TrainingError), str(path), TrainingError)
    if not isinstance(cell, dict) or not set(names) <= set(cell):
        found = sorted(map(str, cell)) if isinstance(cell, dict) else type(cell).__name__
        raise TrainingError(
            f"{path} holds {found}, expected {sorted(names)}", "Remove the file: this cell is then trained again"
        )
    return cell
