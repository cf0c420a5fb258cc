# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A better session is built while another answers. TensorRT itself needs a GPU: here a real CPU session of the same
model, its weights a little off, stands for the engine, so that the exchange shows in the descriptors."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

from tiny_onnx import HEIGHT, WIDTH, write_model

from vpr_ros.inference.engine_cache import engine_folder, tensorrt_options
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import CPU, TENSORRT, EventLog, InferenceEvent
from vpr_ros.inference.session import ModelSession

BATCH = np.random.default_rng(3).standard_normal((1, 3, HEIGHT, WIDTH)).astype(np.float32)
DEADLINE_S = 30.0
Heard = queue.SimpleQueue[InferenceEvent]
"""What the extractor's listener was told, from any thread."""


def session(path: Path, *, seed: int = 1, noise: float = 0.0) -> ModelSession:
    return ModelSession(write_model(path, seed=seed, noise=noise), CPU, {}, 1)


@pytest.fixture
def heard() -> Heard:
    return queue.SimpleQueue()


@pytest.fixture
def extractor(tmp_path: Path, heard: Heard) -> OnnxExtractor:
    return OnnxExtractor(session(tmp_path / "first.onnx"), "0" * 64, EventLog(heard.put))


def end_of_the_build(heard: Heard) -> InferenceEvent:
    assert heard.get(timeout=DEADLINE_S).kind == "building"
    return heard.get(timeout=DEADLINE_S)


def test_the_first_session_answers_until_the_second_is_ready(
    extractor: OnnxExtractor, heard: Heard, tmp_path: Path
) -> None:
    may_finish = threading.Event()

    def build_slowly() -> ModelSession:
        assert may_finish.wait(DEADLINE_S)
        return session(tmp_path / "second.onnx", noise=0.005)

    before = extractor.infer(BATCH)
    extractor.upgrade_in_background(build_slowly, TENSORRT)
    building = heard.get(timeout=DEADLINE_S)
    assert building.kind == "building" and "answers meanwhile" in building.message
    np.testing.assert_array_equal(extractor.infer(BATCH), before)
    assert heard.empty()
    may_finish.set()
    built = heard.get(timeout=DEADLINE_S)
    assert built.kind == "built"
    assert not np.array_equal(extractor.infer(BATCH), before)
    assert extractor.events == (building, built)


def test_a_build_that_fails_leaves_the_first_session(extractor: OnnxExtractor, heard: Heard, tmp_path: Path) -> None:
    def fail() -> ModelSession:
        return ModelSession(tmp_path / "missing.onnx", CPU, {}, 1)

    before = extractor.infer(BATCH)
    extractor.upgrade_in_background(fail, TENSORRT)
    end = end_of_the_build(heard)
    np.testing.assert_array_equal(extractor.infer(BATCH), before)
    assert end.kind == "fallback"
    assert "missing.onnx" in end.message and f"{CPU} goes on" in end.message


def test_a_session_that_loads_but_does_not_run_is_not_taken(
    extractor: OnnxExtractor, heard: Heard, tmp_path: Path
) -> None:
    broken = write_model(tmp_path / "broken.onnx", breaks_when_run=True)
    before = extractor.infer(BATCH)
    extractor.upgrade_in_background(lambda: ModelSession(broken, CPU, {}, 1), TENSORRT)
    end = end_of_the_build(heard)
    np.testing.assert_array_equal(extractor.infer(BATCH), before)
    assert end.kind == "fallback"
    assert "the model failed" in end.message


@pytest.mark.parametrize(("seed", "noise"), [(2, 0.0), (1, 0.2)])
def test_an_engine_with_other_descriptors_is_not_taken(
    seed: int, noise: float, extractor: OnnxExtractor, heard: Heard, tmp_path: Path
) -> None:
    before = extractor.infer(BATCH)
    extractor.upgrade_in_background(lambda: session(tmp_path / "engine.onnx", seed=seed, noise=noise), TENSORRT)
    end = end_of_the_build(heard)
    np.testing.assert_array_equal(extractor.infer(BATCH), before)
    assert end.kind == "fallback"
    assert "differ (cosine" in end.message


def test_an_engine_that_gives_no_numbers_is_not_taken(extractor: OnnxExtractor, heard: Heard, tmp_path: Path) -> None:
    """Half precision overflows to infinity without a word."""
    overflow = write_model(tmp_path / "overflow.onnx", seed=1, scale=np.inf)
    extractor.upgrade_in_background(lambda: ModelSession(overflow, CPU, {}, 1), TENSORRT)
    end = end_of_the_build(heard)
    assert end.kind == "fallback"
    assert "not finite" in end.message
    assert np.isfinite(extractor.infer(BATCH)).all()


def test_every_model_has_a_cache_of_its_own(tmp_path: Path) -> None:
    one, other = engine_folder(tmp_path, "a" * 64), engine_folder(tmp_path, "b" * 64)
    assert one != other and one.parent == tmp_path
    assert str(one) in tensorrt_options(one).values()
