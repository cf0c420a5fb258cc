"""The ``train`` command on a tiny GSV-Cities folder: what a run leaves behind, how it resumes, what it refuses."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("lightning")

import torch
from safetensors import safe_open
from test_disk_refuses import FULL, on_a_small_disk

from vpr_ros.core.errors import ConfigError, TrainingError, VprError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import load_checkpoint
from vpr_ros.training.recipe_cli import run_recipe as train

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*treespec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches.*:UserWarning"),
]
RECIPES = Path(__file__).parents[2] / "config" / "recipes"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    root = tmp_path / "gsv"
    header = ("place_id", "year", "month", "northdeg", "city_id", "lat", "lon", "panoid")
    rows = []
    for place in range(8):
        colours = np.random.default_rng(place).integers(0, 255, (4, 4, 3))
        for view in range(3):
            rows.append((place, 2015, 1 + view, 90, "Boston", 42.5, -71.25, f"p{place}v{view}"))
            name = f"Boston_{place:07d}_2015_{1 + view:02d}_090_42.5_-71.25_p{place}v{view}.jpg"
            noise = np.random.default_rng(100 + 10 * place + view).integers(0, 30, (32, 32, 3))
            image = np.clip(np.kron(colours, np.ones((8, 8, 1))) + noise, 0, 255).astype(np.uint8)
            for path in (root / "Images" / "Boston" / name, tmp_path / "val" / side(view) / f"{place}_{view}.jpg"):
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), image)
    write_csv(root / "Dataframes" / "Boston.csv", header, rows)
    pairs = [(f"query/{p}_2.jpg", f"map/{p}_0.jpg map/{p}_1.jpg") for p in range(8)]
    write_csv(tmp_path / "val" / "gt.csv", ("query", "positives"), pairs)
    return tmp_path


def side(view: int) -> str:
    return "query" if view == 2 else "map"


def write_csv(path: Path, header: Any, rows: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def recipe(folder: Path, **init_args: Any) -> Path:
    config = {
        "model": {
            "class_path": "vpr_ros.training.metric_learning.MetricLearning",
            "init_args": {
                "model": {
                    "name": "tiny",
                    "backbone": {"name": "cct14_7x2_384", "dim": 16, "blocks": 1, "heads": 2, "image_px": [32, 32]},
                    "aggregation": {"name": "supervlad", "clusters": 2, "ghost_clusters": 1},
                    "preprocessing": {"height_px": 32, "width_px": 32},
                },
                "optimiser": {"lr": 1e-3},
                **init_args,
            },
        },
        "data": {
            "class_path": "vpr_ros.training.metric_learning.PlaceDataModule",
            "init_args": {
                "train": {
                    "class_path": "vpr_ros.training.datasets.gsv_cities.GsvCities",
                    "init_args": {"root": str(folder / "gsv"), "cities": ["Boston"], "min_images_per_place": 3},
                },
                "batch": {"places": 4, "images_per_place": 3},
                "validation": [
                    {
                        "class_path": "vpr_ros.training.datasets.image_pairs.ImagePairs",
                        "init_args": {"root": str(folder / "val"), "name": "rooms"},
                    }
                ],
                "loader": {"workers": 0},
            },
        },
        "trainer": {
            "max_epochs": 1,
            "accelerator": "cpu",
            "devices": 1,
            "enable_progress_bar": False,
            "log_every_n_steps": 1,
        },
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def fit(folder: Path, *more: str, **model: Any) -> None:
    train(["fit", "--config", str(recipe(folder, **model)), "--run", str(folder / "run"), *more])


def test_a_run_folder_holds_everything_and_can_go_on(dataset: Path) -> None:
    run = dataset / "run"
    fit(dataset, start={"kmeans_images": 16})
    config = yaml.safe_load((run / "config.yaml").read_text())
    config = config.get("fit", config)
    assert config["model"]["init_args"]["optimiser"]["lr"] == 1e-3
    assert config["trainer"]["use_distributed_sampler"] is False
    environment = json.loads((run / "environment.json").read_text())
    assert environment["packages"]["torch"]
    assert environment["machine"]["cpus"] >= 1
    metrics = json.loads((run / "metrics.json").read_text())
    assert [v["epoch"] for v in metrics["validations"]] == [0]
    (only,) = metrics["validations"]
    assert metrics["best"]["val/rooms/R@1"] == only["val/rooms/R@1"] > 100 / 32  # better than by chance
    assert metrics["best"]["val/score"] == metrics["best"]["val/rooms/R@1"] + metrics["best"]["val/rooms/R@5"]
    with safe_open(run / "model.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["vpr_ros.recipe"])["name"] == "tiny"
    assert list((run / "logs" / "start_0" / "tensorboard").glob("events.*"))
    first_log = (run / "logs" / "start_0" / "csv" / "metrics.csv").read_text()
    assert "train/loss" in first_log

    with pytest.raises(TrainingError, match=r"holds a run already.*--resume true"):
        fit(dataset)
    fit(dataset, "--resume", "true", "--trainer.max_epochs", "2")
    metrics = json.loads((run / "metrics.json").read_text())
    assert [v["epoch"] for v in metrics["validations"]] == [0, 1]
    assert (run / "logs" / "start_0" / "csv" / "metrics.csv").read_text() == first_log, "logs stay"
    assert (run / "logs" / "start_1" / "csv" / "metrics.csv").is_file()

    with pytest.raises(TrainingError, match="checkpoint is of another model, aggregation differ"):
        other = recipe(dataset).read_text().replace("clusters: 2", "clusters: 3")
        (dataset / "other.yaml").write_text(other)
        arguments = ["--config", str(dataset / "other.yaml"), "--run", str(run), "--resume", "true"]
        train(["fit", *arguments, "--trainer.max_epochs", "3"])


def test_a_run_that_ended_before_it_began_does_not_block_its_folder(dataset: Path) -> None:
    table = dataset / "gsv" / "Dataframes" / "Boston.csv"
    table.rename(table.with_suffix(".away"))
    with pytest.raises(TrainingError, match=r"Boston\.csv is missing"):
        fit(dataset)
    table.with_suffix(".away").rename(table)
    fit(dataset, optimiser={"lr": 0.5e-3})
    config = yaml.safe_load((dataset / "run" / "config.yaml").read_text())
    assert config.get("fit", config)["model"]["init_args"]["optimiser"]["lr"] == 0.5e-3


def test_a_model_file_does_not_depend_on_where_its_recipe_ran(dataset: Path) -> None:
    runs = [dataset / name for name in ("here", "there")]
    for number, run in enumerate(runs):
        fit(dataset, "--run", str(run), "--save_every_steps", str(1 + number))
    (here, recipe_here), (there, recipe_there) = (load_checkpoint(run / "model.safetensors") for run in runs)
    assert recipe_here == recipe_there
    assert all(torch.equal(value, there.state_dict()[key]) for key, value in here.state_dict().items())


def test_a_folder_with_a_config_of_somebody_else_is_left_alone(dataset: Path) -> None:
    (dataset / "run").mkdir()
    (dataset / "run" / "config.yaml").write_text("mine: true\n")
    with pytest.raises(TrainingError, match="is in use"):
        fit(dataset)
    assert (dataset / "run" / "config.yaml").read_text() == "mine: true\n"


def test_a_part_of_the_model_can_be_left_out_on_the_command_line(dataset: Path) -> None:
    model = yaml.safe_load(recipe(dataset).read_text())["model"]["init_args"]["model"]
    encoder = {"mode": "batch", "heads": 2, "feedforward_dim": 8, "layers": 1}
    with_encoder = {**model, "cross_image": encoder, "whitening_dim": 8}
    none = ["--model.init_args.model.cross_image", "null", "--model.init_args.model.whitening_dim=null"]
    fit(dataset, *none, model=with_encoder)
    trained, _ = load_checkpoint(dataset / "run" / "model.safetensors")
    assert trained.cross_image is None
    assert trained.whitening is None


def test_two_processes_train_the_weights_of_one(dataset: Path) -> None:
    model = yaml.safe_load(recipe(dataset).read_text())["model"]["init_args"]["model"]
    model["backbone"] |= {"attention_dropout": 0.0, "stochastic_depth": 0.0}
    path = recipe(dataset, model=model, optimiser={"name": "sgd", "lr": 0.01})
    train(["fit", "--config", str(path), "--trainer.devices", "1", "--run", str(dataset / "run1")])
    command = [sys.executable, "-m", "vpr_ros.cli.train", "fit", "--config", str(path), "--run", str(dataset / "run2")]
    command += ["--trainer.strategy", "ddp", "--trainer.devices", "2"]
    environment = {**os.environ, "PYTHONPATH": str(RECIPES.parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    alone, together = (load_checkpoint(dataset / f"run{n}" / "model.safetensors")[0].state_dict() for n in (1, 2))
    torch.manual_seed(0)
    start = build_model(model).state_dict()
    assert any(not torch.equal(alone[key], start[key]) for key in start)
    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=1e-3, atol=1e-5)
    metrics = [json.loads((dataset / f"run{n}" / "metrics.json").read_text())["best"]["val/score"] for n in (1, 2)]
    assert metrics[0] == metrics[1]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(dataset: Path) -> None:
    fit(dataset)
    best = (dataset / "run" / "checkpoints" / "best.ckpt").read_bytes()
    resume = (dataset / "run" / "checkpoints" / "resume.ckpt").read_bytes()
    diverging = ("--resume", "true", "--trainer.max_epochs", "3", "--model.init_args.loss.alpha", "1.0e-300")
    with pytest.raises(TrainingError, match=r"loss is inf in epoch 1.*best\.ckpt.*Lower the learning rate"):
        fit(dataset, *diverging)
    assert (dataset / "run" / "checkpoints" / "best.ckpt").read_bytes() == best
    assert (dataset / "run" / "checkpoints" / "resume.ckpt").read_bytes() == resume


@pytest.mark.parametrize("workers", ["0", "1"])
def test_an_image_that_does_not_decode_is_named(dataset: Path, workers: str) -> None:
    broken = next((dataset / "gsv" / "Images" / "Boston").glob("*p3v1.jpg"))
    broken.write_bytes(b"not an image")
    with pytest.raises(VprError, match=r"p3v1\.jpg"):
        fit(dataset, "--data.init_args.loader.workers", workers)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--data.init_args.batch.images_per_place", "4"), "place 0 has 3 images, the recipe draws 4"),
        (("--data.init_args.validation", "[]"), "names no validation set"),
        (("--model.init_args.freeze", "all"), "leaves nothing to train"),
        (("--data.init_args.train.init_args.root", "nowhere"), "nowhere/Dataframes/Boston.csv is missing"),
    ],
)
def test_bad_input_is_refused(dataset: Path, arguments: tuple[str, str], problem: str) -> None:
    with pytest.raises(TrainingError, match=problem):
        fit(dataset, *arguments)


def test_an_unknown_key_is_refused_on_one_line(dataset: Path) -> None:
    with pytest.raises(ConfigError, match="momentums") as unknown:
        fit(dataset, "--model.init_args.optimiser.momentums", "0.9")
    with pytest.raises(ConfigError, match=r"model\.optimiser\.lr.*fast") as no_number:
        fit(dataset, "--model.init_args.optimiser.lr", "fast")
    assert max(len(str(error.value)) for error in (unknown, no_number)) < 300


def test_an_override_that_would_drop_its_neighbours_is_refused(dataset: Path) -> None:
    with pytest.raises(ConfigError, match="would replace the whole section backbone, not dim alone"):
        fit(dataset, "--model.init_args.model.backbone.dim=8")


def test_a_whole_section_can_be_overridden(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model.init_args.model.aggregation", "{name: gem}", "--print_config"]
    with pytest.raises(SystemExit):
        train(["fit", "--config", str(recipe(dataset)), *arguments])
    model = yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["model"]
    assert model["aggregation"] == {"name": "gem"}
    assert model["backbone"]["dim"] == 16


@pytest.mark.parametrize(
    ("part", "own", "inherited"),
    [
        ("model=MetricLearning", "loss", "model optimiser freeze start chunk_images seed"),
        ("model=TripletRanking", "margin", "model optimiser freeze start chunk_images seed"),
        ("data=PlaceDataModule", "train batch", "validation augmentation train_size_px loader seed"),
        ("data=TupleDataModule", "train rule mining", "validation augmentation train_size_px loader seed"),
    ],
)
def test_help_names_what_a_part_inherits(
    part: str, own: str, inherited: str, capsys: pytest.CaptureFixture[str]
) -> None:
    section, name = part.split("=")
    module = "triplet_training" if name.startswith("T") else "metric_learning"
    with pytest.raises(SystemExit):
        train(["fit", f"--{section}.help", f"vpr_ros.training.{module}.{name}"])
    shown = capsys.readouterr().out
    assert [key for key in f"{own} {inherited}".split() if not re.search(rf"--{section}\.{key}[ .]", shown)] == []


NAMED = (
    "supervlad_dinov2b_gsv",
    "one_cluster_vlad",
    "netvlad_vgg16_pitts30k",
    "gem",
    "class_token",
    "supervlad_cct",
    "finetune_nano",
)


@pytest.mark.parametrize("path", [RECIPES / f"{name}.yaml" for name in NAMED], ids=NAMED)
def test_every_recipe_parses(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train(["fit", "--config", str(path), "--print_config"])
    assert ended.value.code == 0
    assert "class_path: vpr_ros.training." in capsys.readouterr().out


def test_a_full_disk_is_one_line_that_names_the_run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    disk = tmp_path_factory.mktemp("disk")
    if shutil.which("unshare") is None or on_a_small_disk(disk, FULL, "true").returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    command = [sys.executable, "-m", "vpr_ros", "train", "fit", "--config", recipe(dataset), "--run", disk / "run"]
    done = on_a_small_disk(disk, FULL, *command)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    said = f"error: the disk is full (No space left on device) while writing {disk}/run. Free some space"
    assert done.stderr.splitlines()[-1].startswith(said)
