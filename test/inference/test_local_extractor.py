# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Local features of a real, tiny ONNX model: in the image's own pixels, of unit length, and nothing that is none."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_local_onnx import DIM, KEYPOINTS, local_info, write_local_model
from tiny_onnx import write_model

from vpr_ros.core.errors import ModelError
from vpr_ros.inference import open_extractor, open_local_extractor
from vpr_ros.inference.local_extractor import local_features


def dots(*centres_px: tuple[int, int], width: int = 128, height: int = 48) -> np.ndarray:  # type: ignore[type-arg]
    """White dots of 3x3 pixels on black."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in centres_px:
        image[y - 1 : y + 2, x - 1 : x + 2] = 100
        image[y, x] = 255
    return image


def test_keypoints_are_found_where_they_are_and_nothing_else(tmp_path: Path) -> None:
    extractor = open_local_extractor(write_local_model(tmp_path / "local.onnx"))
    found = extractor.extract(dots((20, 10), (100, 40)))
    assert sorted(map(tuple, found.keypoints_px.tolist())) == [(20.0, 10.0), (100.0, 40.0)]
    assert found.descriptors.shape == (2, DIM)
    np.testing.assert_allclose(np.linalg.norm(found.descriptors, axis=1), 1.0, atol=1e-6)
    assert (found.scores > 0).all() and extractor.provider == "CPUExecutionProvider"
    assert len(extractor.extract(np.zeros((48, 128, 3), np.uint8))) == 0


def test_keypoints_of_an_image_of_another_size_are_in_its_pixels(tmp_path: Path) -> None:
    extractor = open_local_extractor(write_local_model(tmp_path / "local.onnx"))
    large = cv2.resize(dots((20, 10)), (512, 192), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_allclose(extractor.extract(large.astype(np.uint8)).keypoints_px, [[81.5, 41.5]])


def test_rows_that_are_none_are_left_out() -> None:
    info = local_info(keypoints=8, dim=2)
    keypoints = np.array([[1, 1], [np.nan, 1], [2, 2], [3, 3], [400, 3], [-0.6, 3], [5, 5], [6, 6]], np.float32)
    descriptors = np.tile(np.array([3.0, 4.0], np.float32), (8, 1))
    descriptors[3] = (np.inf, 0.0)
    descriptors[6] = 0.0
    scores = np.array([0.5, 1, 0.0, 1, 1, 1, 1, 0.9], np.float32)
    found = local_features(info, keypoints, descriptors, scores, (128, 48))
    assert found.keypoints_px.tolist() == [[6, 6], [1, 1]]  # best first
    np.testing.assert_allclose(found.descriptors, [[0.6, 0.8]] * 2)


def test_a_file_without_local_features_is_refused_with_the_command_that_describes_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no 'vpr_ros.local' metadata.*describe_model.*--local"):
        open_local_extractor(write_local_model(tmp_path / "bare.onnx", with_metadata=False))
    with pytest.raises(ModelError, match=r"no 'vpr_ros.local' metadata"):
        open_local_extractor(write_model(tmp_path / "global.onnx"))
    assert not open_extractor(tmp_path / "global.onnx").has_local
    with pytest.raises(ModelError, match=r"expected 'image' and 'keypoints', 'local_descriptors', 'local_scores'"):
        open_local_extractor(write_local_model(tmp_path / "less.onnx", outputs=("keypoints", "local_scores")))
    with pytest.raises(ModelError, match="no model at"):
        open_local_extractor(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("entry", "value", "found"),
    [
        ("metadata_version", 2, "metadata version 2"),
        ("metadata_version", None, "cannot be read"),
        ("keypoints", True, "no whole number"),
        ("keypoints", 10**9, "keypoints is 1000000000"),
        ("keypoints", 16_385, "keypoints is 16385, expected 1 to 16384"),
        ("dim", 0, "dim is 0"),
        ("dim", DIM + 1, "gives local_descriptors of shape"),
        ("keypoints", KEYPOINTS - 1, "gives keypoints of shape"),
        ("name", ["x"], "name is no text"),
        ("version", "x" * 20_000, "version is no text"),
        ("preprocessing", [1], "is incomplete"),
        ("unknown", 1, "is incomplete"),
    ],
)
def test_metadata_that_cannot_be_is_one_error(tmp_path: Path, entry: str, value: object, found: str) -> None:
    plain = json.loads(local_info().to_json()) | {entry: value}
    path = write_local_model(tmp_path / "local.onnx", text=json.dumps(plain))
    with pytest.raises(ModelError, match=found) as caught:
        open_local_extractor(path)
    assert "describe_model" in caught.value.remedy or "Update" in caught.value.remedy
    assert len(str(caught.value)) < 1000 + len(str(path))


def test_more_numbers_than_a_robot_can_compare_are_one_error(tmp_path: Path) -> None:
    plain = json.loads(local_info().to_json()) | {"keypoints": 10_000, "dim": 2_000}
    with pytest.raises(ModelError, match="10000 keypoints of 2000 numbers, expected 16777216 numbers at most"):
        open_local_extractor(write_local_model(tmp_path / "local.onnx", text=json.dumps(plain)))


@pytest.mark.parametrize("text", ["", "[", "[]", "7", "{}", "[" * 100_000])
def test_metadata_that_is_none_is_one_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError, match=r"'vpr_ros.local' metadata"):
        open_local_extractor(write_local_model(tmp_path / "local.onnx", text=text or " "))


def test_a_size_that_the_network_does_not_take_is_named(tmp_path: Path) -> None:
    plain = json.loads(local_info().to_json())
    plain["preprocessing"]["width_px"] = 64
    with pytest.raises(ModelError, match=r"its 'vpr_ros.local' metadata says \[3, 48, 64\]"):
        open_local_extractor(write_local_model(tmp_path / "local.onnx", text=json.dumps(plain)))
