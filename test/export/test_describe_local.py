# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""ONNX files of others that give local features: described, and refused where the robot would refuse them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_local_onnx import DIM, KEYPOINTS, write_local_model

from vpr_ros.cli import describe_model
from vpr_ros.inference import open_local_extractor
from vpr_ros.inference.local_extractor import LOCAL_OUTPUTS

CONVENTION = ["--mean", "0.5", "0.5", "0.5", "--std", "0.5", "0.5", "0.5", "--resize", "area"]


def described(source: Path, *options: str) -> tuple[int, Path]:
    target = source.with_name("described.onnx")
    return describe_model.main(["--local", str(source), "--output", str(target), *options]), target


def test_a_described_file_answers_as_one_that_came_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(str(write_local_model(tmp_path / "bare.onnx", with_metadata=False)))
    for node in model.graph.node:  # other names than ours
        node.input[:] = ["pixels" if name == "image" else name for name in node.input]
        node.output[:] = ["points" if name == "keypoints" else name for name in node.output]
    model.graph.input[0].name, model.graph.output[0].name = "pixels", "points"
    onnx.save(model, str(tmp_path / "foreign.onnx"))
    names = ["--local-outputs", "points", "local_descriptors", "local_scores"]
    status, target = described(tmp_path / "foreign.onnx", *CONVENTION, *names, "--name", "theirs")
    assert status == 0
    assert f"{KEYPOINTS} local features of {DIM} numbers" in capsys.readouterr().out
    image = np.random.default_rng(0).integers(0, 256, (48, 128, 3)).astype(np.uint8)
    found = open_local_extractor(target)
    own = open_local_extractor(write_local_model(tmp_path / "own.onnx")).extract(image)
    np.testing.assert_allclose(found.extract(image).keypoints_px, own.keypoints_px)
    assert len(own) == KEYPOINTS and found.info.name == "theirs"


@pytest.mark.parametrize(
    ("outputs", "options", "message"),
    [
        (("keypoints", "local_scores"), [], "none is called local_descriptors"),
        (LOCAL_OUTPUTS, ["--local-outputs", "local_descriptors", "keypoints", "local_scores"], "of the shapes"),
        (LOCAL_OUTPUTS, ["--size", "24x24"], "--size says 24"),
    ],
)
def test_what_is_none_is_refused_and_not_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    outputs: tuple[str, ...],
    options: list[str],
    message: str,
) -> None:
    status, target = described(write_local_model(tmp_path / "m.onnx", with_metadata=False, outputs=outputs), *options)
    assert status == 2 and not target.exists()
    assert message in capsys.readouterr().err
