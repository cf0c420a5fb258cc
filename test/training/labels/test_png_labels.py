# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from __future__ import annotations

import logging
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.training.image_sets import ImageFiles, ImageListChain
from vpr_ros.training.labels.grouping import read_grouping
from vpr_ros.training.labels.labelled_images import LabelledImages
from vpr_ros.training.labels.png_labels import PngLabels

CLASSES = np.array([[0, 1, 2], [3, 4, 5]], dtype=np.uint8)
IMAGE = np.zeros((2, 3, 3), dtype=np.uint8)
TOWNS = read_grouping("towns")


def save(path: Path, pixels: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    if "palette" in options:
        picture.putpalette(list(range(255, 0, -1)))
    picture.save(path, **{key: value for key, value in options.items() if key != "palette"})


def folders(tmp_path: Path) -> tuple[Path, Path]:
    save(tmp_path / "images" / "a" / "b.jpg", IMAGE)
    save(tmp_path / "labels" / "a" / "b.png", CLASSES)
    return tmp_path / "labels", tmp_path / "images"


def test_grey_and_palette_pngs_of_all_depths_are_class_numbers(tmp_path: Path) -> None:
    labels, images = folders(tmp_path)
    source = PngLabels(labels, images, TOWNS)
    save(labels / "grey.png", CLASSES)
    save(labels / "palette.png", CLASSES, palette=1)
    save(labels / "short.png", CLASSES, palette=1, bits=4)
    save(labels / "wide.png", CLASSES.astype(np.uint16))
    for name in ("grey.png", "palette.png", "short.png", "wide.png"):
        assert source.of(name, IMAGE).tolist() == CLASSES.tolist(), name
    save(labels / "bits.png", np.array([[True, False, True]] * 2))
    assert source.of("bits.png", IMAGE).tolist() == [[1, 0, 1]] * 2


def test_a_grey_png_of_four_bits_is_not_spread_over_eight(tmp_path: Path) -> None:
    labels, images = folders(tmp_path)
    # Pillow writes grey in 1, 8 or 16 bits only: this is the palette PNG of 4 bits, called grey in its header
    path = labels / "four.png"
    save(path, CLASSES, palette=1, bits=4)
    content = bytearray(path.read_bytes())
    content[25] = 0
    palette = content.index(b"PLTE") - 4
    length = int.from_bytes(content[palette : palette + 4], "big") + 12
    del content[palette : palette + length]
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)
    assert PngLabels(labels, images, TOWNS).of("four.png", IMAGE).tolist() == CLASSES.tolist()


def test_a_label_is_found_by_the_path_of_its_image_below_the_images(tmp_path: Path) -> None:
    labels, images = folders(tmp_path)
    save(tmp_path / "images" / "c" / "b.jpg", IMAGE)
    save(labels / "c" / "b.png", CLASSES[::-1])
    source = PngLabels(labels, images, TOWNS)
    both = ImageListChain([ImageFiles(images / "a", ["b.jpg"]), ImageFiles(images / "c", ["b.jpg"])])
    loaded = LabelledImages(both, source)
    assert loaded.load(0)[1].tolist() == CLASSES.tolist()
    assert loaded.load(1)[1].tolist() == CLASSES[::-1].tolist()
    shares = loaded.make(lambda _done, _total: None)
    assert shares == {group.name: pytest.approx(1 / 6) for group in TOWNS.groups}
    with pytest.raises(TrainingError, match="does not lie below"):
        source.of(str(tmp_path / "elsewhere" / "b.jpg"), IMAGE)


def test_what_cannot_be_a_label_is_refused(tmp_path: Path) -> None:
    labels, images = folders(tmp_path)
    source = PngLabels(labels, images, TOWNS)
    with pytest.raises(TrainingError, match=r"b.png is 2x3 pixels, its image 4x6"):
        source.of("a/b.jpg", np.zeros((4, 6, 3), np.uint8))
    save(labels / "rgb.png", IMAGE)
    with pytest.raises(TrainingError, match=r"holds colours \(RGB\)"):
        source.of("rgb.png", IMAGE)
    (labels / "text.png").write_text("no picture")
    with pytest.raises(TrainingError, match="is no PNG"):
        source.of("text.png", IMAGE)
    whole = (labels / "a" / "b.png").read_bytes()
    (labels / "torn.png").write_bytes(whole[:-30])
    with pytest.raises(TrainingError, match="is damaged"):
        source.of("torn.png", IMAGE)
    save(labels / "high.png", CLASSES + 1)
    with pytest.raises(TrainingError, match=r"high.png holds the classes 6, which towns does not list"):
        source.of("high.png", IMAGE)
    with pytest.raises(TrainingError, match="there is no folder"):
        PngLabels(labels / "nowhere", images, TOWNS)


def test_options_for_other_numbers_names_and_sizes(tmp_path: Path) -> None:
    labels, images = folders(tmp_path)
    save(labels / "a" / "b_ids.png", CLASSES + 1)
    shifted = PngLabels(labels, images, TOWNS, suffix="_ids.png", shift=-1)
    assert shifted.of("a/b.jpg", IMAGE).tolist() == CLASSES.tolist()
    stretched = PngLabels(labels, images, TOWNS, stretch=True).of("a/b.jpg", np.zeros((4, 6, 3), np.uint8))
    assert stretched.tolist() == np.kron(CLASSES, np.ones((2, 2))).tolist()
    assert shifted.sha256 != PngLabels(labels, images, TOWNS).sha256


def test_an_image_without_label_is_refused_or_all_one_group(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels, images = folders(tmp_path)
    with pytest.raises(TrainingError, match=r"the image x.jpg has no label map .*x.png"):
        PngLabels(labels, images, TOWNS).of("x.jpg", IMAGE)
    source = PngLabels(labels, images, TOWNS, missing="other")
    with caplog.at_level(logging.WARNING):
        assert source.of("x.jpg", IMAGE).tolist() == [[5] * 3] * 2
        source.of("y.jpg", IMAGE)
    assert [record.message.count("all others without one are 'other'") for record in caplog.records] == [1]
    with pytest.raises(ConfigError, match="no group 'moon'"):
        PngLabels(labels, images, TOWNS, missing="moon")
