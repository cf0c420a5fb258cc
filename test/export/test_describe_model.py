# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""ONNX files of others: which input and output are meant, and never a file that the robot refuses."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from vpr_ros.cli import describe_model
from vpr_ros.inference import open_extractor

DIM = 8
IMAGES = np.random.default_rng(1).integers(0, 256, (2, 24, 32, 3)).astype(np.uint8)


def write(
    path: Path, outputs: dict[str, list[int | str]], *extra: onnx.NodeProto, kind: int = TensorProto.FLOAT
) -> Path:
    """Write a network: cells of 8x8 pixels -> matrix -> "row", then *extra* nodes up to *outputs*."""
    weight = np.random.default_rng(0).standard_normal((3 * 3 * 4, DIM)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["input"], ["widened"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["widened"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["row"]),
        *extra,
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("input", kind, ["b", 3, 24, 32])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def described(source: Path, *options: str) -> tuple[int, Path]:
    target = source.with_name("described.onnx")
    return describe_model.main([str(source), "--output", str(target), *options]), target


def answer(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    extractor = open_extractor(path)
    return extractor.infer(extractor.prepare(list(IMAGES)))


def relu(source: str, target: str) -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target])


@pytest.fixture
def of_relu(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:  # type: ignore[type-arg]
    """What the robot should get where the second output is meant."""
    status, path = described(
        write(tmp_path_factory.mktemp("only") / "only.onnx", {"out": ["b", DIM]}, relu("row", "out"))
    )
    assert status == 0
    return answer(path)


def test_an_output_called_descriptor_is_the_one(
    tmp_path: Path,
    of_relu: np.ndarray,  # type: ignore[type-arg]
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write(tmp_path / "two.onnx", {"row": ["b", DIM], "descriptor": ["b", DIM]}, relu("row", "descriptor"))
    status, path = described(source)
    assert status == 0
    assert "left out: the other outputs (row)" in capsys.readouterr().out
    np.testing.assert_allclose(answer(path), of_relu, atol=1e-6)


def test_which_of_several_outputs_is_asked_and_can_be_said(
    tmp_path: Path,
    of_relu: np.ndarray,  # type: ignore[type-arg]
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write(tmp_path / "two.onnx", {"row": ["b", DIM], "global": ["b", DIM]}, relu("row", "global"))
    status, path = described(source)
    assert (status, path.exists()) == (2, False)
    error = capsys.readouterr().err
    assert "--descriptor-output" in error
    assert "the outputs row (b, 8), global (b, 8)" in error
    assert described(source, "--descriptor-output", "nothing")[0] == 2
    assert "none is called nothing" in capsys.readouterr().err
    assert described(source, "--descriptor-output", "global")[0] == 0
    np.testing.assert_allclose(answer(path), of_relu, atol=1e-6)


def test_inner_values_that_bear_the_robots_names_step_aside(
    tmp_path: Path,
    of_relu: np.ndarray,  # type: ignore[type-arg]
) -> None:
    inner = [relu("row", "descriptor"), helper.make_node("Identity", ["descriptor"], ["image"])]
    last = helper.make_node("Identity", ["image"], ["out"])
    status, path = described(write(tmp_path / "clash.onnx", {"out": ["b", DIM]}, *inner, last))
    assert status == 0
    np.testing.assert_allclose(answer(path), of_relu, atol=1e-6)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.UINT8], ids=["float16", "uint8"])
def test_images_of_another_type_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: int) -> None:
    status, path = described(write(tmp_path / "kind.onnx", {"row": ["b", DIM]}, kind=kind))
    assert (status, path.exists()) == (2, False)
    name = TensorProto.DataType.Name(kind).lower()
    assert f"takes {name} images, expected float (32 bits). Export it with a float32 input" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (helper.make_node("Concat", ["row", "row"], ["out"], axis=0), "(4, 8) for 2 images, expected (2, 8)"),
        (helper.make_node("NoSuchOperator", ["row"], ["out"]), "NoSuchOperator"),
    ],
    ids=["two rows per image", "unknown operator"],
)
def test_what_the_robot_would_refuse_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], node: onnx.NodeProto, message: str
) -> None:
    source = write(tmp_path / "net.onnx", {"out": ["rows", DIM]}, node)
    old = source.with_name("described.onnx")
    old.write_bytes(b"an older file")
    status, path = described(source)
    assert (status, path.read_bytes()) == (2, b"an older file")
    assert message in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["described.onnx", "net.onnx"]


def test_a_file_that_declares_what_it_does_not_give_is_named_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "declares.onnx", {"row": ["b", 2 * DIM]})
    status, path = described(source)
    error = capsys.readouterr().err
    assert (status, path.exists()) == (2, False)
    assert (
        f"{source} does not run as it says" in error and ".trial" not in error and "Export the network again" in error
    )


def test_pipes_and_devices_are_no_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    for source in (tmp_path / "pipe.onnx", Path("/dev/zero")):
        assert describe_model.main([str(source), "--output", str(tmp_path / "out.onnx")]) == 2
        assert f"{source} is no regular file, expected a file" in capsys.readouterr().err
