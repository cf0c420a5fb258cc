# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The commands of docs/published_models.md as they stand there, with a stand-in for what they name."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import cv2
import onnx
import pytest
import torch  # noqa: F401  # what exports
from geometry_msgs.msg import PoseArray
from harness import SPACING_M, FakeCamera, GraphClient, RosProcess, texture
from hub_repository import HUBCONF
from onnx import TensorProto, helper

from vpr_ros.__main__ import main
from vpr_ros.inference import open_extractor
from vpr_ros.maps import PlaceMap

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "published_models.md").read_text()
PLACES = 12


def commands_below(heading: str) -> list[list[str]]:
    """The words of every command in the first block below *heading*."""
    block = PAGE.split(f"## {heading}\n", 1)[1].split("```\n")[1]
    return [shlex.split(line) for line in block.splitlines()]


def write_drive(folder: Path) -> None:
    folder.mkdir()
    rows = ["file,x_m,y_m,yaw_deg"]
    for place in range(PLACES):
        cv2.imwrite(str(folder / f"{place:02d}.png"), cv2.cvtColor(texture(place), cv2.COLOR_RGB2BGR))
        rows.append(f"{place:02d}.png,{SPACING_M * place},0,0")
    (folder / "poses.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page takes for granted: a clone, recordings of one place, an ONNX file of others."""
    clone = tmp_path / "hub" / "salad"
    clone.mkdir(parents=True)
    (clone / "hubconf.py").write_text(HUBCONF + "\n\ndinov2_salad = resampled\n")
    for drive in ("drive", "second_drive"):
        write_drive(tmp_path / drive)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_github_to_the_robot(
    workplace: Path, start_process: Callable[..., RosProcess], client: GraphClient
) -> None:
    clone, *commands, localize = commands_below("From GitHub to the robot")
    assert clone[:2] == ["git", "clone"]
    assert clone[-1] == "hub/salad"
    for program, *words in commands:
        assert program == "vpr_ros"
        assert main(words) == 0
    for name, precision in (("salad.onnx", "fp32"), ("salad_fp16.onnx", "fp16")):
        assert open_extractor(workplace / name).info.precision == precision
        assert "Resize" not in {node.op_type for node in onnx.load(workplace / name).graph.node}
    assert json.loads((workplace / "results" / "metrics.json").read_text())["recall_at"]["1"] == 100.0
    candidates = client.collect(PoseArray, "/vpr_localizer/candidates")
    camera = FakeCamera(client, "/camera/image_raw")
    camera.place = 7
    start_process(*localize, env={"PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))})
    client.wait_for(lambda: candidates, "an answer", camera.publish)
    assert candidates[0].poses[0].position.x == pytest.approx(7 * SPACING_M)


def test_from_an_onnx_file_of_others(workplace: Path) -> None:
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
    vector = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 300])
    pool = helper.make_node("AveragePool", ["x"], ["cells"], kernel_shape=[32, 32], strides=[32, 32])
    graph = helper.make_graph([pool, helper.make_node("Flatten", ["cells"], ["y"])], "theirs", [image], [vector])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "theirs.onnx")
    for _, *words in commands_below("From an ONNX file of others"):
        assert main(words) == 0
    assert open_extractor(workplace / "mixvpr.onnx").info.name == "mixvpr"
    assert len(PlaceMap.open(workplace / "mixvpr_map")) == PLACES
