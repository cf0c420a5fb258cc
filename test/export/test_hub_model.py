# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Models of torch.hub: found, called with arguments, and exported with their position table resampled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hub_repository import write_hub_repository

from vpr_ros.cli import convert, export_model
from vpr_ros.core.errors import ConfigError, ExportError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.export.hub_model import HubEntry, exportable_hub_model, hub_arguments
from vpr_ros.export.images import ImageFolder
from vpr_ros.inference import open_extractor

SIZE = Preprocessing(56, 84)


def arguments_of(entry: str, output: Path, images: Path) -> list[str]:
    return ["--torch-hub", "hub/standin", entry, "--size", "56x84", "--output", str(output), "--images", str(images)]


@pytest.fixture(autouse=True)
def beside_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``hub/standin`` lies in the working directory."""
    write_hub_repository(tmp_path / "hub" / "standin")
    monkeypatch.chdir(tmp_path)


def test_a_position_table_that_is_resampled_at_run_time_is_exported_resampled(
    image_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "standin.onnx"
    ends = arguments_of("resampled", out, image_folder)
    assert export_model.main([*ends, "--hub-argument", "dim=32", "--hub-argument", "words=a b", "--name", "salad"]) == 0
    extractor = open_extractor(out)
    assert (extractor.info.name, extractor.info.descriptor_dim) == ("salad", 32)
    assert extractor.info.recipe == "torch.hub resampled(dim=32, words='a b') of hub/standin"
    assert "Resize" not in {node.op_type for node in onnx.load(out).graph.node}
    batch = extractor.prepare(next(iter(ImageFolder.open(image_folder).batches(3))))
    with torch.no_grad():
        module = exportable_hub_model(HubEntry("hub/standin", "resampled", {"dim": 32}), SIZE).module
        expected = module(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(extractor.infer(batch), expected, atol=1e-5)


def test_a_network_that_couples_the_images_of_a_batch_is_exported_for_one_image_at_a_time(
    image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "coupled.onnx"
    assert export_model.main(arguments_of("coupled", out, image_folder)) == 0
    assert "exported for one image at a time" in capsys.readouterr().out
    extractor = open_extractor(out)
    assert extractor.info.cross_image == "single"
    batch = extractor.prepare(next(iter(ImageFolder.open(image_folder).batches(3))))
    alone = np.concatenate([extractor.infer(image[None]) for image in batch])
    np.testing.assert_array_equal(extractor.infer(batch), alone)
    with torch.no_grad():
        net = HubEntry("hub/standin", "coupled").load().eval()
        first = torch.nn.functional.normalize(net(torch.from_numpy(batch[:1]))).numpy()
    np.testing.assert_allclose(alone[:1], first, atol=1e-5)


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ("hub/empty", "hub/empty has no hubconf.py"),
        ("./hub/other", "no folder ./hub/other"),
        ("hub/standin/deeper", "no folder hub/standin/deeper"),
        ("standin", "no folder standin"),
    ],
)
def test_a_folder_is_a_folder_and_not_a_name_on_github(tmp_path: Path, repository: str, message: str) -> None:
    (tmp_path / "hub" / "empty").mkdir()
    with pytest.raises(ExportError) as caught:
        HubEntry(repository, "resampled").load()
    assert caught.value.problem == message


def test_arguments_are_read_as_python_writes_them_and_else_are_text() -> None:
    words = ["backbone=ResNet18", "dim=512", "scale=0.5", "pretrained=False", "token={'dim': 256}", "empty=", "sum=1+x"]
    assert hub_arguments(words) == {
        "backbone": "ResNet18",
        "dim": 512,
        "scale": 0.5,
        "pretrained": False,
        "token": {"dim": 256},
        "empty": "",
        "sum": "1+x",
    }
    for wrong in (["dim"], ["=3"], ["dim=1", "dim=2"], ["two words=1"]):
        with pytest.raises(ConfigError, match="--hub-argument"):
            hub_arguments(wrong)


def test_what_the_entry_does_not_take_is_said(
    image_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = arguments_of("resampled", tmp_path / "out.onnx", image_folder)
    assert export_model.main([*ends, "--hub-argument", "colour=red"]) == 2
    error = capsys.readouterr().err
    assert "resampled(colour='red') of hub/standin" in error
    assert "unexpected keyword argument 'colour'" in error
    assert export_model.main(["x.safetensors", *ends[3:], "--hub-argument", "dim=1"]) == 2
    assert "--hub-argument without --torch-hub" in capsys.readouterr().err


def test_what_convert_checkpoint_advises_exists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    assert convert.main([str(tmp_path / "other.pth"), "--output", str(tmp_path / "out.safetensors")]) == 2
    advice = capsys.readouterr().err
    assert "export_model --torch-hub REPO ENTRY" in advice
    with pytest.raises(SystemExit):
        export_model.main(["--help"])
    assert "--torch-hub REPO ENTRY" in capsys.readouterr().out
