# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpr_ros.core.errors import TrainingError
from vpr_ros.training.labels.grouping import GroupMap
from vpr_ros.training.labels.label_cache import LabelCache

MAP = np.random.default_rng(0).integers(0, 6, (40, 50), dtype=np.uint8)
IMAGE = np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8)


class Maker:
    """Makes the map, and counts how often."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> GroupMap:
        self.asked += 1
        return MAP


def test_a_map_is_made_once_and_found_by_the_pixels_of_its_image(tmp_path: Path) -> None:
    make = Maker()
    assert LabelCache(tmp_path, "abc", "net").of("a", IMAGE, make).tolist() == MAP.tolist()
    again = LabelCache(tmp_path, "abc", "net")
    assert again.of("renamed", IMAGE, make).tolist() == MAP.tolist()
    assert make.asked == 1
    again.of("a", IMAGE[:, ::-1], make)
    assert make.asked == 2, "another image of the old name"
    assert again.path(IMAGE).stat().st_size < MAP.size
    with Image.open(again.path(IMAGE)) as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.array(picture), MAP)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flipped, lambda c: c[: len(c) // 2], lambda _: b"", lambda c: c.replace(b"abc", b"abd"), lambda c: b"GIF89a" + c],
    ids=["a bit", "torn", "empty", "another segmenter", "no png"],
)
def test_a_damaged_map_is_made_again_and_said(tmp_path: Path, damage: object, caplog: pytest.LogCaptureFixture) -> None:
    make, cache = Maker(), LabelCache(tmp_path, "abc", "net")
    cache.of("a", IMAGE, make)
    path = cache.path(IMAGE)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with caplog.at_level(logging.WARNING):
        assert cache.of("a", IMAGE, make).tolist() == MAP.tolist()
    assert make.asked == 2
    assert [record.message.startswith("the label map of a is made again") for record in caplog.records] == [True]
    cache.of("a", IMAGE, make)
    assert make.asked == 2


def test_the_maps_of_another_segmenter_are_left_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make, first = Maker(), LabelCache(tmp_path, "abc", "old net")
    first.of("a", IMAGE, make)
    with caplog.at_level(logging.WARNING):
        second = LabelCache(tmp_path, "def", "new net")
    assert "holds label maps of old net; those of new net are made beside them" in caplog.text
    second.of("a", IMAGE, make)
    assert make.asked == 2
    first.of("a", IMAGE, make)
    assert make.asked == 2


def test_a_map_moved_from_another_segmenter_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make, first = Maker(), LabelCache(tmp_path, "abc", "old net")
    first.of("a", IMAGE, make)
    (tmp_path / "abc").rename(tmp_path / "def")
    with caplog.at_level(logging.WARNING):
        LabelCache(tmp_path, "def", "new net").of("a", IMAGE, make)
    assert make.asked == 2
    assert "is of another segmenter or grouping" in caplog.text


def test_a_map_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> GroupMap:
        raise TrainingError("no", "yes")

    cache = LabelCache(tmp_path, "abc", "net")
    with pytest.raises(TrainingError):
        cache.of("a", IMAGE, fail)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["about.json"]
