# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Lines and numbers of text files, as their formats mean them."""

from __future__ import annotations

from pathlib import Path

from vpr_ros.core.errors import SourceError


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """Every line with its number, from 1. Only line ends end one: ``str.splitlines`` breaks names at U+2028 too."""
    return list(enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1))


def is_file(path: Path) -> bool:
    """Whether a regular file is there; a name that no file can have is none, and so is one that may not be seen."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_there(path: Path) -> bool:
    """Whether anything is there; see ``is_file``."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there; see ``is_file``."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def numbers(path: Path, line: int, cells: list[str], columns: int, first: int = 0) -> list[float]:
    """The numbers of a line of so many columns, from column *first* on.

    Raises:
        SourceError: more or fewer columns, or one that is no number.
    """
    if len(cells) != columns:
        raise SourceError(f"{path}: line {line} has {len(cells)} columns, expected {columns}", "Correct or remove it")
    try:
        return [float(cell) for cell in cells[first:]]
    except ValueError as error:
        found = str(error)[:120]
        raise SourceError(f"{path}: line {line} is not made of numbers ({found})", "Correct or remove it") from error


def is_number(cell: str) -> bool:
    """Whether *cell* reads as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
