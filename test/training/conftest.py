# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Tiny data sets in the exact layout their authors publish."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

WriteImage = Callable[..., Path]
WriteCsv = Callable[..., Path]


@pytest.fixture
def write_image() -> WriteImage:
    """Write a small JPEG of one colour, seeded by its path."""

    def write(path: Path, value: int = 0, size_px: tuple[int, int] = (24, 32)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(value)
        image = rng.integers(0, 255, (*size_px, 3), dtype=np.uint8)
        assert cv2.imwrite(str(path), image)
        return path

    return write


@pytest.fixture
def write_csv() -> WriteCsv:
    """Write a CSV file with a header."""

    def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        return path

    return write
