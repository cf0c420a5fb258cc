# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The evaluate command as a user runs it: a map on disk, a folder of images, a model file."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from pixel_model import SIDE_PX, write_model
from tiny_local_onnx import local_info, write_local_model

from vpr_ros.cli.build_map import main as build
from vpr_ros.cli.evaluate import build_parser, main
from vpr_ros.inference import open_extractor, open_local_extractor
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.maps import PlaceMap
from vpr_ros.sources import SourceOptions, open_source

FRAMES = 24


@dataclass(frozen=True)
class Workplace:
    """What the commands of these tests work on.

    Attributes:
        folder: image files of one drive, with ``poses.csv`` beside them.
        place_map: a map of all its frames.
        model: the ONNX file that made it.
    """

    folder: Path
    place_map: Path
    model: Path

    def evaluate(self, output: Path, *options: str) -> int:
        return main(
            [str(self.place_map), str(self.folder), "--model", str(self.model), "--output", str(output), *options]
        )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    root = tmp_path_factory.mktemp("workplace")
    folder = root / "drive"
    folder.mkdir()
    coarse = np.random.default_rng(2).integers(0, 256, (6, FRAMES + 10, 3), dtype=np.uint8)
    street = cv2.resize(coarse, ((FRAMES + 10) * SIDE_PX, 96), interpolation=cv2.INTER_CUBIC)
    lines = ["file,x_m,y_m,z_m,qx,qy,qz,qw"]
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"{number:03d}.png"), street[:, number * SIDE_PX : number * SIDE_PX + 128])
        lines.append(f"{number:03d}.png,{number},0,0,0,0,0,1")
    poses = root / "poses.csv"
    poses.write_text("\n".join(lines) + "\n")
    model = write_model(root / "pixels.onnx")
    source = open_source(folder, SourceOptions(poses=poses))
    build_map(source, open_extractor(model), root / "map", BuildConfig(min_distance_m=0.0, min_angle_rad=0.0))
    return Workplace(folder, root / "map", model)


def metrics_of(output: Path) -> dict[str, object]:
    return dict(json.loads((output / "metrics.json").read_text()))


def test_poses_and_threshold(workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = workplace.folder.parent / "poses.csv"
    options = ("--poses", str(poses), "--threshold", "0.5,10", "--frames", "4:14", "--baselines")
    assert workplace.evaluate(tmp_path / "results", *options) == 0
    metrics = metrics_of(tmp_path / "results")
    assert metrics["queries"] == 10
    assert metrics["recall_at"] == {"1": 100.0, "5": 100.0, "10": 100.0, "20": 100.0}
    assert metrics["queries_without_answer"] == 0
    assert set(metrics["baselines"]) == {"chance", "pixels_32x32"}  # type: ignore[call-overload]
    printed = capsys.readouterr()
    assert "Recall in percent" in printed.out
    assert str(tmp_path / "results" / "report.html") in printed.out
    made_by = yaml.safe_load((tmp_path / "results" / "run.yaml").read_text())
    assert "--threshold 0.5,10" in made_by["command"]
    assert made_by["model_sha256"] == open_extractor(workplace.model).sha256


def write_crops(folder: Path, seed: int) -> Path:
    """A crop of each of 24 views from each of 2 places, named as the sets of photos are; *seed* is of their noise."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(seed)
    for place in range(2):
        for tile in range(24):
            coarse = np.random.default_rng(100 * place + tile).integers(20, 236, (6, 6, 3))
            image = np.kron(coarse, np.ones((5, 5, 1))) + noise.integers(-19, 20, (30, 30, 3))
            name = f"@{500000 + 300 * place:.2f}@4470000.00@17@T@@@pano{place}@{tile}@@@@@@.jpg"
            cv2.imwrite(str(folder / name), image)
    return folder


def test_every_crop_of_a_place_enters_the_map_of_a_set_of_photos(workplace: Workplace, tmp_path: Path) -> None:
    database, queries = write_crops(tmp_path / "database", 0), write_crops(tmp_path / "queries", 1)
    model = ["--model", str(workplace.model)]
    assert build([str(database), "--output", str(tmp_path / "map"), *model]) == 0
    rule = ["--threshold", "25", "--output", str(tmp_path / "out")]
    assert main([str(tmp_path / "map"), str(queries), *model, *rule]) == 0
    metrics = metrics_of(tmp_path / "out")
    assert metrics["queries"] == 48
    assert metrics["recall_at"]["1"] == 100.0  # type: ignore[index]
    wrong = tmp_path / "other_place.csv"
    first, other = ([path.name for path in database.iterdir() if f"pano{place}@" in path.name] for place in range(2))
    wrong.write_text(f"query,positives\n{first[0]},{' '.join(other)}\n")
    rule = ["--positives", str(wrong), "--per-panorama", "--output", str(tmp_path / "panoramas")]
    assert main([str(tmp_path / "map"), str(queries), *model, *rule]) == 0
    metrics = metrics_of(tmp_path / "panoramas")
    assert metrics["panoramas"] == 2
    assert metrics["recall_at_answerable"] == {"1": 0.0, "5": 100.0, "10": 100.0, "20": 100.0}
    assert main([str(tmp_path / "map"), str(queries), *model, *rule, "--baselines"]) == 2
    gates = ["--min-distance", "0.5"]
    assert build([str(database), "--output", str(tmp_path / "thinned"), *model, *gates]) == 0
    assert len(PlaceMap.open(tmp_path / "thinned")) == 2


def test_a_local_model_compares_the_candidates(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poses = workplace.folder.parent / "poses.csv"
    local_model = write_local_model(tmp_path / "corners.onnx", local_info(96, 128, 100))
    source = open_source(workplace.folder, SourceOptions(poses=poses))
    every_frame = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0)
    local = open_local_extractor(local_model)
    build_map(source, open_extractor(workplace.model), tmp_path / "map", every_frame, local_model=local)
    own = replace(workplace, place_map=tmp_path / "map")
    options = ("--poses", str(poses), "--threshold", "1.5", "--limit", "4", "--verify-time-ms", "5000")
    deep = ("--top-k", str(FRAMES), "--verify-candidates", str(FRAMES))
    assert own.evaluate(tmp_path / "with", *options, *deep, "--local-model", str(local_model)) == 0
    assert "before and after verification" in capsys.readouterr().out
    verification = dict(metrics_of(tmp_path / "with")["verification"])  # type: ignore[call-overload]
    assert (verification["compared"], verification["candidates_compared"]) == (4, FRAMES)
    assert verification["recall_at_after"].keys() == verification["recall_at_before"].keys()
    made_by = yaml.safe_load((tmp_path / "with" / "run.yaml").read_text())
    assert made_by["local_model_sha256"] == local.sha256
    assert own.evaluate(tmp_path / "without", *options) == 0
    assert "local features of the model corners 1, which was not given" in capsys.readouterr().err
    assert metrics_of(tmp_path / "without")["verification"] is None
    assert workplace.evaluate(tmp_path / "none", *options, "--local-model", str(local_model)) == 2
    assert "has no local features" in capsys.readouterr().err


def test_images_of_other_places_need_no_poses(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    rng = np.random.default_rng(9)
    for number in range(3):
        cv2.imwrite(str(elsewhere / f"{number}.png"), rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8))
    poses = str(workplace.folder.parent / "poses.csv")
    options = ("--poses", poses, "--threshold", "2", "--off-map", str(elsewhere), "--off-map", str(elsewhere))
    assert workplace.evaluate(tmp_path / "r", *options) == 0
    figures = metrics_of(tmp_path / "r")["off_map"]
    assert isinstance(figures, dict) and figures["queries"] == 6
    assert "Queries from elsewhere" in capsys.readouterr().out and (tmp_path / "r" / "off_map.csv").is_file()
    assert workplace.evaluate(tmp_path / "r2", "--poses", poses, "--off-map", str(tmp_path / "nowhere")) == 2


def test_positives_file(workplace: Workplace, tmp_path: Path) -> None:
    given = tmp_path / "gt.csv"
    given.write_text("query,positives\n" + "".join(f"{n:03d}.png,{n:03d}.png\n" for n in range(12)))
    assert workplace.evaluate(tmp_path / "results", "--positives", str(given), "--limit", "15") == 0
    metrics = metrics_of(tmp_path / "results")
    assert (metrics["queries"], metrics["queries_without_answer"]) == (15, 3)
    assert metrics["recall_at"]["1"] == 80.0  # type: ignore[index]
    with (tmp_path / "results" / "queries.csv").open(newline="") as file:
        assert [row["right"] for row in csv.DictReader(file)] == ["1"] * 12 + ["0"] * 3


@pytest.mark.parametrize(("window", "recall"), [(0, 0.0), (2, 0.0), (3, 100.0)])
def test_frame_window(workplace: Workplace, tmp_path: Path, window: int, recall: float) -> None:
    """Queries that run three frames ahead of the map: each shows the very view of map frame number + 3."""
    assert workplace.evaluate(tmp_path / "results", "--frame-window", str(window), "--frames", "3:") == 0
    metrics = metrics_of(tmp_path / "results")
    assert metrics["queries"] == FRAMES - 3
    assert metrics["correct_means"] == f"frame numbers at most {window} apart"
    assert metrics["recall_at"]["1"] == recall  # type: ignore[index]
    assert metrics["queries_without_answer"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--threshold", "x"), "is not M or M,DEG"),
        (("--threshold", "5", "--frame-window", "2"), "more than one rule"),
        (("--frames", "90:"), "none of them in the range"),
        (("--positives", "none.csv"), "none.csv"),
        (("--frame-window", "2", "--limit", "0"), "--limit is 0, expected a whole number of 1 or more"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_user_errors_are_one_line(
    workplace: Workplace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    rule = () if "--threshold" in options or "--positives" in options else ("--frame-window", "2")
    assert workplace.evaluate(tmp_path / "results", *rule, *options) == 2
    stderr = capsys.readouterr().err
    assert message in stderr
    assert stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_map_of_another_model_is_refused(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(str(workplace.model))
    model.doc_string = "the same network in another file"
    onnx.save(model, str(tmp_path / "other.onnx"))
    arguments = [str(workplace.place_map), str(workplace.folder), "--model", str(tmp_path / "other.onnx")]
    assert main([*arguments, "--frame-window", "1", "--output", str(tmp_path / "results")]) == 2
    assert "was built with model pixels" in capsys.readouterr().err


def test_folder_with_other_things_is_not_touched(
    workplace: Workplace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert workplace.evaluate(tmp_path, "--frame-window", "1") == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_help_has_an_example() -> None:
    text = build_parser().format_help()
    assert "example:" in text
    assert "--threshold" in text
