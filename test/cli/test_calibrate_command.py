# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The calibrate command as a user runs it: a map on disk, a second drive in a folder, a model file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from pixel_model import SIDE_PX, write_model

from vpr_ros.cli.calibrate import main
from vpr_ros.cli.inspect_map import main as inspect
from vpr_ros.inference import open_extractor
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.maps.manifest import read_manifest
from vpr_ros.sources import SourceOptions, open_source

FRAMES = 24


def record(folder: Path, noise: float) -> Path:
    """A drive along a street, an image every metre, its poses beside it."""
    folder.mkdir()
    coarse = np.random.default_rng(2).integers(0, 256, (6, FRAMES + 10, 3), dtype=np.uint8)
    street = cv2.resize(coarse, ((FRAMES + 10) * SIDE_PX, 96), interpolation=cv2.INTER_CUBIC)
    rng, lines = np.random.default_rng(5), ["file,x_m,y_m,z_m,qx,qy,qz,qw"]
    for number in range(FRAMES):
        view = street[:, number * SIDE_PX : number * SIDE_PX + 128]
        seen = np.clip(view + rng.normal(0, noise, view.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:03d}.png"), seen)
        lines.append(f"{number:03d}.png,{number},0,0,0,0,0,1")
    poses = folder.with_suffix(".csv")
    poses.write_text("\n".join(lines) + "\n")
    return poses


def test_a_drive_goes_into_the_map_and_out_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, place_map = write_model(tmp_path / "pixels.onnx"), tmp_path / "map"
    source = open_source(tmp_path / "day", SourceOptions(poses=record(tmp_path / "day", 0.0)))
    build_map(source, open_extractor(model), place_map, BuildConfig(min_distance_m=0.0, min_angle_rad=0.0))
    night = [str(place_map), str(tmp_path / "night"), "--poses", str(record(tmp_path / "night", 40.0))]
    night += ["--model", str(model), "--condition", "night"]
    assert main(night) == 0
    said = capsys.readouterr().out
    assert "night: 24 answers, 24 right, 0 near misses, 0 in a wrong place" in said and "stated now" in said
    (drive,) = read_manifest(place_map).drives
    assert (drive.name, drive.condition, drive.answers.answers) == ("night", "night", FRAMES)
    assert inspect([str(place_map)]) == 0 and "night (night), 20" in capsys.readouterr().out
    assert main(night) == 2 and "a drive called 'night' already" in capsys.readouterr().err
    again = record(tmp_path / "again", 40.0)  # the same images
    part = [str(place_map), str(tmp_path / "again"), "--poses", str(again), "--model", str(model), "--limit", "12"]
    assert main(part) == 2 and "100 % of the images are those of the drive 'night'" in capsys.readouterr().err
    assert main([str(place_map), "--remove", "night"]) == 0 and read_manifest(place_map).drives == ()
    assert main([str(place_map)]) == 2 and main([*night, "--remove", "night"]) == 2
    assert capsys.readouterr().err.count("either QUERIES or --remove NAME is needed") == 2
