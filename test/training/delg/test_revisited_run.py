# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A revisited set of painted walls, from images to mAP: crops, distractors, re-ranking, what is kept on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from test_delg_recipe import MODEL

from vpr_ros.cli.evaluate_revisited import evaluate_revisited
from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import save_checkpoint
from vpr_ros.training.delg.revisited_run import cropped


def wall(seed: int, height: int = 120, width: int = 160) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (15, 20, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two queries; of the database image 0 and 1 show the first, 2 the second, 3 is junk of both, 4 is another wall."""
    images = tmp_path / "jpg"
    images.mkdir()
    for name, seed in (("q_0", 0), ("q_1", 1), ("a_0", 0), ("a_1", 0), ("b", 1), ("junk", 0), ("c", 2)):
        framed = cv2.copyMakeBorder(wall(seed), 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        picture = framed if name.startswith("q") else wall(seed)
        if name == "a_1":
            picture = np.clip(picture.astype(int) + 15, 0, 255).astype(np.uint8)
        assert cv2.imwrite(str(images / f"{name}.jpg"), picture)
    (tmp_path / "distractors" / "deep").mkdir(parents=True)
    assert cv2.imwrite(str(tmp_path / "distractors" / "deep" / "x.png"), wall(7))
    box = [20.0, 20.0, 180.0, 140.0]
    gnd = [
        {"bbx": box, "easy": [0], "hard": [1], "junk": [3]},
        {"bbx": box, "easy": [2], "hard": [], "junk": [3]},
    ]
    truth = {"imlist": ["a_0", "a_1", "b", "junk", "c"], "qimlist": ["q_0", "q_1"], "gnd": gnd}
    (tmp_path / "gnd_walls.json").write_text(json.dumps(truth))
    torch.manual_seed(0)
    save_checkpoint(build_model({**MODEL, "local_head": {"name": "delg", "dim": 64}}), tmp_path / "delg.safetensors")
    return tmp_path


def arguments(folder: Path, *more: str) -> list[str]:
    of = {"--truth": "gnd_walls.json", "--images": "jpg", "--output": "out"}
    return [str(folder / "delg.safetensors"), *(part for k, v in of.items() for part in (k, str(folder / v))), *more]


def report(folder: Path) -> Any:
    return json.loads((folder / "out" / "revisited.json").read_text())


@pytest.mark.parametrize("more", [(), ("--binary",)])
def test_right_images_are_found_and_proved(folder: Path, more: tuple[str, ...]) -> None:
    evaluate_revisited(arguments(folder, *more))
    found = report(folder)
    assert found["database"] == 5
    of_all, checked = found["scores"].values()
    assert checked["medium"]["mean_ap"] == 1.0
    assert checked["hard"]["ap"][0] == 1.0
    assert np.isnan(checked["hard"]["ap"][1]), "no hard image: left out of the mean"
    assert 0 < of_all["easy"]["mean_ap"] <= 1


def test_distractors_join_the_database_and_what_is_kept_is_used_again(folder: Path) -> None:
    evaluate_revisited(arguments(folder, "--distractors", str(folder / "distractors"), "--checked", "2"))
    assert report(folder)["database"] == 6
    kept = {file: file.stat().st_mtime_ns for file in (folder / "out").rglob("*.np*")}
    assert any(file.parent.name == "local_query" for file in kept)
    before = report(folder)["scores"]
    evaluate_revisited(arguments(folder, "--distractors", str(folder / "distractors"), "--checked", "2"))
    assert str(report(folder)["scores"]) == str(before)
    assert {file: file.stat().st_mtime_ns for file in (folder / "out").rglob("*.np*")} == kept


def test_a_damaged_file_of_features_is_named(folder: Path) -> None:
    evaluate_revisited(arguments(folder))
    broken = next((folder / "out").rglob("local_query/*.npz"))
    broken.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(TrainingError, match=r"cannot be read .* Remove it: it is made again"):
        evaluate_revisited(arguments(folder))


def test_bad_input_is_refused(folder: Path) -> None:
    save_checkpoint(build_model({**MODEL, "local_head": None}), folder / "plain.safetensors")
    with pytest.raises(ConfigError, match="has no local head"):
        evaluate_revisited([str(folder / "plain.safetensors"), *arguments(folder)[1:]])
    (folder / "jpg" / "b.jpg").unlink()
    with pytest.raises(TrainingError, match=r"1 images of the ground truth are not in .*, b\.jpg for example"):
        evaluate_revisited(arguments(folder))
    with pytest.raises(ConfigError, match="--truth"):
        evaluate_revisited([str(folder / "delg.safetensors")])


def test_a_query_has_the_share_of_the_limit_that_its_crop_has() -> None:
    image = wall(0)
    cut, share = cropped(image, np.array([10.4, 20.0, 90.0, 60.0]))
    np.testing.assert_array_equal(cut, image[20:60, 10:90])
    assert share == 80 / 160
    assert cropped(image, np.array([-5.0, -5.0, 1000.0, 1000.0]))[0].shape == image.shape
    assert cropped(image, np.array([159.9, 119.9, 161.0, 121.0]))[0].shape == (1, 1, 3)
