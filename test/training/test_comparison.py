"""Torch checkpoints and ONNX files compared on the same tasks, through one code path."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import tiny
import torch

from vpr_ros.cli.benchmark_train import benchmark_train
from vpr_ros.cli.compare_models import compare_models
from vpr_ros.core.errors import ConfigError, ModelError, TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.checkpoint import Recipe, save_checkpoint
from vpr_ros.training import nano_recipe
from vpr_ros.training.batches import LoaderOptions
from vpr_ros.training.comparison import ComparedModel, compare, onnx_parameters, open_model, summarise
from vpr_ros.training.embedding import describe_images
from vpr_ros.training.recipe_cli import run_recipe as train
from vpr_ros.training.recipe_files import read_recipe
from vpr_ros.training.throughput import Throughput, Workload, measure_throughput
from vpr_ros.training.torch_extractor import TorchExtractor
from vpr_ros.training.transforms import Augmentation


def save(path: Path, seed: int, name: str = "tiny") -> Path:
    torch.manual_seed(seed)
    save_checkpoint(build_model({**tiny.MODEL, "name": name}), path, Recipe("test"))
    return path


def test_a_checkpoint_runs_as_an_extractor(tmp_path: Path) -> None:
    extractor = TorchExtractor.open(save(tmp_path / "m.safetensors", 0))
    rooms = tiny.Rooms()
    described = extractor.infer(extractor.prepare([rooms.load(i) for i in range(len(rooms))]))
    assert described.shape == (32, extractor.info.descriptor_dim) == (32, 32)
    np.testing.assert_allclose(np.linalg.norm(described, axis=1), 1, atol=1e-5)
    options = LoaderOptions(workers=0, evaluation_batch=5)
    trained = describe_images(extractor.model, rooms, extractor.info.preprocessing, options)
    np.testing.assert_allclose(described, trained, atol=1e-5)
    assert extractor.info.aggregation == {"name": "supervlad", "clusters": 2, "ghost_clusters": 1}
    assert len(extractor.sha256) == 64


def test_the_cross_image_encoder_runs_as_if_alone_and_goes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_model({**tiny.MODEL, "cross_image": {"mode": "batch", "heads": 2, "feedforward_dim": 16}})
    extractor = TorchExtractor(model)
    images = [tiny.Rooms().load(i) for i in range(4)]
    together = extractor.infer(extractor.prepare(images))
    alone = np.concatenate([extractor.infer(extractor.prepare([image])) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert model.cross_image is not None
    assert model.cross_image.mode == "batch"
    assert model.training


def test_recall_size_and_time_of_a_model(tmp_path: Path) -> None:
    task = tiny.RoomRetrieval().open()
    model = open_model(save(tmp_path / "m.safetensors", 0))
    row = compare(model, [task], batch=7)
    assert row.mb_per_1000_images == pytest.approx(32 * 4 / 1000)
    assert row.parameters == sum(p.numel() for p in build_model(tiny.MODEL).parameters())
    assert row.recall["rooms"][10] >= row.recall["rooms"][1] > 100 / tiny.PLACES
    assert row.ms_per_image > 0


def test_the_shipped_onnx_model_goes_the_same_way(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "vpr_ros" / "inference" / "weights" / "vpr_nano.onnx"
    model = open_model(shipped)
    row = compare(model, [tiny.RoomRetrieval().open()])
    assert row.recall["rooms"][1] > 50
    assert row.descriptor_dim == model.extractor.info.descriptor_dim


def test_the_weights_of_an_onnx_file_are_counted(tmp_path: Path) -> None:
    weight = onnx.numpy_helper.from_array(np.zeros((3, 4), np.float32), "weight")
    shape = onnx.numpy_helper.from_array(np.array([1, 4], np.int64), "shape")
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "weight"], ["y"]),
        onnx.helper.make_node("Constant", [], ["bias"], value=onnx.numpy_helper.from_array(np.zeros(4, np.float32))),
        onnx.helper.make_node("Add", ["y", "bias"], ["z"]),
        onnx.helper.make_node("Reshape", ["z", "shape"], ["out"]),
    ]
    ends = [
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", [1, 3]), ("out", [1, 4]))
    ]
    graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight, shape])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "m.onnx")
    assert onnx_parameters(tmp_path / "m.onnx") == 12 + 4
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="is no ONNX file"):
        onnx_parameters(tmp_path / "m.onnx")


def test_runs_of_one_name_are_seeds_of_one_model() -> None:
    def row(name: str, recall: float, variant: str = "torch") -> ComparedModel:
        return ComparedModel(name, "f", "cpu", variant, 2, 3, 1.0, 0.1, {"town": {1: recall}}, {})

    first, second, third = summarise([row("a", 90.0), row("b", 50.0), row("a", 94.0), row("a", 10.0, "onnx int8")])
    assert (third.name, third.variant, third.runs, third.mean["town"][1]) == ("a", "onnx int8", 1, 10.0)
    assert (first.name, first.runs, first.mean["town"][1]) == ("a", 2, 92.0)
    assert first.deviation["town"][1] == pytest.approx(np.std([90, 94], ddof=1))
    assert second.runs == 1
    assert np.isnan(second.deviation["town"][1])


def test_the_command_writes_table_csv_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rooms = tiny.RoomRetrieval().open()
    for side, images in (("map", rooms.database), ("query", rooms.queries)):
        (tmp_path / side).mkdir()
        for index in range(len(images)):
            assert cv2.imwrite(str(tmp_path / side / f"{index}.png"), images.load(index)[..., ::-1])
    lines = ["query,positives"]
    for query, near in enumerate(rooms.positives.indices):
        lines.append(f"query/{query}.png," + " ".join(f"map/{i}.png" for i in near))
    (tmp_path / "gt.csv").write_text("\n".join(lines))
    (tmp_path / "sets.yaml").write_text(
        "- class_path: vpr_ros.training.datasets.image_pairs.ImagePairs\n"
        f"  init_args: {{root: {tmp_path}, name: rooms}}\n"
    )
    files = [str(save(tmp_path / f"{seed}.safetensors", seed)) for seed in (0, 1)]
    compare_models([*files, "--sets", str(tmp_path / "sets.yaml"), "--output", str(tmp_path / "out")])
    report = json.loads((tmp_path / "out" / "comparison.json").read_text())
    expected = compare(open_model(Path(files[0])), [rooms]).recall["rooms"][1]
    assert report["models"][0]["recall"]["rooms"]["1"] == pytest.approx(expected)
    assert report["by_name"][0]["runs"] == 2
    assert "32 map images, 16 queries" in report["protocols"]["rooms"]
    header, first, _ = (tmp_path / "out" / "comparison.csv").read_text().splitlines()
    assert header.startswith("model,variant,file,runtime,dim,parameters,ms,MB per 1000 images,rooms R@1")
    assert first.startswith("tiny,torch,")
    assert "tiny (2 runs)" in capsys.readouterr().out
    metrics = json.loads((tmp_path / "out" / "1_tiny" / "rooms" / "metrics.json").read_text())
    assert metrics["recall_at"]["1"] == report["models"][1]["recall"]["rooms"]["1"]
    assert set(metrics["recall_at"]) == {"1", "5", "10", "20"}
    assert metrics["queries"] == 16
    assert metrics["queries_without_answer"] == 0
    assert metrics["translation_error_m"] == {"median": None, "p90": None}
    assert 0 <= metrics["recall_at_100_precision_by_similarity"] <= 100
    assert metrics["latency_ms"]["infer"]["p50"] > 0


def test_bad_models_and_sets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sets.yaml").write_text(
        "- class_path: vpr_ros.training.datasets.gsv_cities.GsvCities\n  init_args: {root: x}\n"
    )
    (tmp_path / "broken.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(ConfigError, match="does not describe evaluation sets"):
        compare_models(["m.onnx", "--sets", str(tmp_path / "sets.yaml"), "--output", str(tmp_path / "out")])
    with pytest.raises(TrainingError, match=r"broken\.ckpt cannot be read"):
        open_model(tmp_path / "broken.ckpt")


def test_recipes_and_sets_of_nested_aliases_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    for read in (
        lambda: compare_models(["m.onnx", "--sets", str(path), "--output", str(tmp_path / "out")]),
        lambda: nano_recipe.read_recipe(path),
        lambda: benchmark_train([str(path)]),
        lambda: train(["fit", "--config", str(path)]),
        lambda: train(["fit", f"--config={path}"]),
    ):
        with pytest.raises(ConfigError, match=r"bomb\.yaml holds \d+ values once its aliases are followed"):
            read()


def test_throughput_counts_what_workers_sustain() -> None:
    data = tiny.place_data()
    workload = Workload(data.places, data.batch, data.loader, Augmentation())
    result = measure_throughput(tiny.metric_module(), workload, steps=2)
    assert result.training_images_s > 0
    assert result.bare_images_s > 0
    assert Throughput(90.0, 100.0).ratio == pytest.approx(0.9)


def test_throughput_needs_no_published_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    recipe = Path(__file__).parents[2] / "config" / "recipes" / "gem.yaml"
    text = recipe.read_text().replace(
        "name: dinov2_b, pretrained: true", "name: vit_tiny_patch16_224, pretrained: true"
    )
    (tmp_path / "tiny.yaml").write_text(text)
    module, data = read_recipe(tmp_path / "tiny.yaml", {"data.init_args.batch.places": 3})
    assert module.model.backbone.dim == 192
    assert data.batch.places == 3


def test_the_throughput_command_refuses_a_triplet_recipe() -> None:
    recipe = Path(__file__).parents[2] / "config" / "recipes" / "supervlad_cct.yaml"
    with pytest.raises(ConfigError, match="TripletRanking on TupleDataModule"):
        benchmark_train([str(recipe)])
