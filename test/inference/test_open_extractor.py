# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Opening a model: what it says about itself is believed and checked, and every refusal says what to do."""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

from tiny_onnx import DIM, HEIGHT, WIDTH, info, write_model, write_model_with_external_data

from vpr_ros.core.errors import ConfigError, ModelError, NoDescriptorError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.inference import InferenceEvent, InferenceOptions, open_extractor, open_for_many, shipped_model_path
from vpr_ros.inference.options import CPU, CUDA, TENSORRT
from vpr_ros.inference.predecessor import identity_of_file


def images(count: int, seed: int = 0) -> list[ImageRgb]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(count)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.onnx")


def test_reads_everything_from_the_file(model: Path) -> None:
    extractor = open_extractor(model)
    assert extractor.info == info()
    assert extractor.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert extractor.provider == CPU


def test_descriptors_are_unit_rows_and_do_not_depend_on_the_batch(model: Path) -> None:
    extractor = open_extractor(model)
    batch = extractor.prepare(images(5))
    assert batch.shape == (5, 3, HEIGHT, WIDTH) and batch.dtype == np.float32
    together = extractor.infer(batch)
    assert together.shape == (5, DIM) and together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, rtol=1e-6)
    alone = np.concatenate([extractor.infer(batch[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize(("threads", "at_once", "runs", "of_each"), [(3, 8, 3, 1), (4, 2, 2, 3), (1, 8, 1, 1)])
def test_many_images_are_described_by_each_core_alone(
    model: Path, threads: int, at_once: int, runs: int, of_each: int
) -> None:
    extractor, how, found = open_for_many(model, InferenceOptions(threads=threads), at_once)
    assert (found, how.threads) == (runs, of_each)
    batch = extractor.prepare(images(3))
    np.testing.assert_allclose(extractor.infer(batch), open_extractor(model).infer(batch), atol=1e-6)


def test_a_batch_that_the_network_insists_on_is_not_shared(tmp_path: Path) -> None:
    options = InferenceOptions(threads=4)
    assert open_for_many(write_model(tmp_path / "tiny.onnx", batch=4), options, 8)[1:] == (options, 1)


@pytest.mark.parametrize("fixed", [1, 2, 4])
def test_a_fixed_batch_is_filled_up(model: Path, tmp_path: Path, fixed: int) -> None:
    of_fixed_batch = open_extractor(write_model(tmp_path / "fixed.onnx", batch=fixed))
    batch = of_fixed_batch.prepare(images(5))
    np.testing.assert_allclose(of_fixed_batch.infer(batch), open_extractor(model).infer(batch), atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, np.nan, np.inf], ids=["zero", "nan", "inf"])
def test_numbers_that_are_no_descriptor_are_refused(tmp_path: Path, scale: float) -> None:
    extractor = open_extractor(write_model(tmp_path / "m.onnx", scale=scale))
    with pytest.raises(NoDescriptorError, match="not finite or all zero on CPUExecutionProvider") as refused:
        extractor.infer(extractor.prepare(images(2)))
    assert refused.value.rows == (0, 1)


def test_two_rows_per_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected one row per image"):
        open_extractor(write_model(tmp_path / "fixed.onnx", rows_per_image=2, batch=2))
    extractor = open_extractor(write_model(tmp_path / "m.onnx", rows_per_image=2))
    with pytest.raises(ModelError, match=rf"shape \(4, {DIM}\) for 2 images, expected \(2, {DIM}\)"):
        extractor.infer(extractor.prepare(images(2)))


def not_onnx(path: Path) -> Path:
    path.write_bytes(b"this is no protobuf" * 20)
    return path


def truncated(path: Path) -> Path:
    whole = write_model(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda path: path, "no model at .*Give an ONNX file"),
    "not onnx": (not_onnx, "cannot load .*whole ONNX model"),
    "truncated": (truncated, "cannot load"),
    "no metadata": (lambda p: write_model(p, with_metadata=False), "no 'vpr_ros' metadata.*describe_model"),
    "batch dependent": (
        lambda p: write_model(p, metadata=info(cross_image="batch")),
        "depend on the other images .*single mode",
    ),
    "other dimension": (lambda p: write_model(p, metadata=info(dim=DIM + 1)), f"gives {DIM} numbers.*describe_model"),
    "other output": (lambda p: write_model(p, output="embedding"), "outputs \\['embedding'\\].*export_model"),
    "newer opset": (lambda p: write_model(p, opset=200), "cannot load .*older opset"),
    "unknown operator": (lambda p: write_model(p, operator="NoSuchOperator"), "cannot load .*NoSuchOperator"),
    "half precision input": (lambda p: write_model(p, half_input=True), "takes tensor\\(float16\\).*float32 input"),
    "lost weights": (write_model_with_external_data, "cannot load .*data file beside it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_to_do(tmp_path: Path, case: str) -> None:
    write, message = REFUSED[case]
    with pytest.raises(ModelError, match=f"(?s){message}"):
        open_extractor(write(tmp_path / "m.onnx"))


def test_a_provider_that_is_not_installed_is_named_with_those_that_are(model: Path) -> None:
    with pytest.raises(ConfigError, match=r"NoProvider.*CPUExecutionProvider"):
        open_extractor(model, InferenceOptions(providers=("NoProvider",)))


def test_the_choice_is_reported(model: Path) -> None:
    heard: list[InferenceEvent] = []
    extractor = open_extractor(model, InferenceOptions(providers=(CPU,), on_event=heard.append))
    assert [event.kind for event in heard] == ["chosen"]
    assert extractor.events == tuple(heard)


def works_here(model: Path, provider: str) -> bool:
    """Asked of ONNX Runtime itself: whether a session starts on *provider*, and stays there."""
    if provider not in onnxruntime.get_available_providers():
        return False
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=[provider])
    except Exception:  # a class of its own per status code
        return False
    return provider in session.get_providers()


def test_the_best_provider_that_works_is_taken_and_the_others_are_explained(model: Path, tmp_path: Path) -> None:
    """Without a GPU the CPU answers, and a runtime that has CUDA or TensorRT says why they do not."""
    preference = (TENSORRT, CUDA, CPU)
    heard: queue.SimpleQueue[InferenceEvent] = queue.SimpleQueue()
    options = InferenceOptions(providers=preference, engine_cache=tmp_path / "engines", on_event=heard.put)
    extractor = open_extractor(model, options)
    if TENSORRT in onnxruntime.get_available_providers():  # it is built meanwhile, or said why not
        while (event := heard.get(timeout=300.0)).provider != TENSORRT or event.kind == "building":
            pass
    best = next(provider for provider in preference if works_here(model, provider))
    assert extractor.provider == best
    better = preference[: preference.index(best)]
    installed = [provider for provider in better if provider in onnxruntime.get_available_providers()]
    explained = {event.provider: event.message for event in extractor.events if event.kind == "fallback"}
    assert sorted(explained) == sorted(installed)
    assert all(provider in message for provider, message in explained.items())
    batch = extractor.prepare(images(3))
    on_cpu = open_extractor(model, InferenceOptions(providers=(CPU,))).infer(batch)
    np.testing.assert_allclose(extractor.infer(batch), on_cpu, atol=1e-3)


def test_the_shipped_model_knows_an_image_again() -> None:
    extractor = open_extractor()
    identity = identity_of_file(shipped_model_path())
    assert identity.file_sha256 == hashlib.sha256(shipped_model_path().read_bytes()).hexdigest()
    assert extractor.sha256 == identity.descriptor_sha256
    one, other = images(2)
    darker = (0.7 * one + 10).astype(np.uint8)
    described = extractor.infer(extractor.prepare([one, darker, other]))
    assert described.shape == (3, extractor.info.descriptor_dim)
    assert described[0] @ described[1] > 0.9
    assert described[0] @ described[2] < 0.7
