# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Buffers made once change nothing but how long a run takes. Graphs need a GPU; binding runs on the CPU too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the tests write their own models")

from counted_session import write_both
from tiny_onnx import DIM, HEIGHT, WIDTH, write_model

from vpr_ros.inference import InferenceOptions, open_extractor
from vpr_ros.inference.buffers import with_buffers
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import BOUND, CPU, GRAPH, NEW, EventLog
from vpr_ros.inference.session import ModelSession

ON_CPU = InferenceOptions(providers=(CPU,))
BATCH = np.random.default_rng(3).standard_normal((6, 3, HEIGHT, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("m") / "tiny.onnx")


def test_bound_buffers_give_the_same_and_what_was_given_stays(model: Path) -> None:
    plain, bound = open_extractor(model, ON_CPU), open_extractor(model, replace(ON_CPU, buffers=BOUND))
    assert [event.kind for event in bound.events] == ["chosen", "bound"]
    each = [bound.infer(BATCH[i : i + 1]) for i in range(6)]  # read only after all ran
    np.testing.assert_array_equal(
        np.concatenate(each), np.concatenate([plain.infer(BATCH[i : i + 1]) for i in range(6)])
    )
    np.testing.assert_array_equal(bound.infer(BATCH), plain.infer(BATCH))


def test_a_provider_without_graphs_says_so_and_binds(model: Path) -> None:
    extractor = open_extractor(model, replace(ON_CPU, buffers=GRAPH))
    assert [event.kind for event in extractor.events] == ["chosen", "fallback", "bound"]
    assert f"graph is not used: {CPU} has no such way" in extractor.events[1].message


def test_local_features_come_out_of_the_same_run(tmp_path: Path) -> None:
    path = write_both(tmp_path / "both.onnx")
    plain = open_extractor(path, ON_CPU, with_local=True)
    bound = open_extractor(path, replace(ON_CPU, buffers=BOUND), with_local=True)
    seen = plain.info.preprocessing
    batch = np.random.default_rng(5).random((1, 3, seen.height_px, seen.width_px), dtype=np.float32)
    size_px = [(seen.width_px, seen.height_px)]
    descriptors, features = plain.infer_both(batch, size_px)
    found_descriptors, found_features = bound.infer_both(batch, size_px)
    np.testing.assert_array_equal(found_descriptors, descriptors)
    np.testing.assert_array_equal(found_features[0].keypoints_px, features[0].keypoints_px)
    np.testing.assert_array_equal(bound.infer(batch), plain.infer(batch))


def test_threads_do_not_get_each_others_answers(model: Path) -> None:
    bound = open_extractor(model, replace(ON_CPU, buffers=BOUND))
    alone = [bound.infer(BATCH[i : i + 1]) for i in range(6)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda i: bound.infer(BATCH[i % 6 : i % 6 + 1]), range(120)))
    for i, descriptor in enumerate(found):
        np.testing.assert_array_equal(descriptor, alone[i % 6])


@pytest.mark.parametrize(
    ("other", "reason"),
    [({"seed": 9}, r"differ \(cosine"), ({"breaks_when_run": True}, "the comparison did not run in them")],
    ids=["another network", "fails when run"],
)
def test_what_differs_or_fails_is_not_used(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Mapping[str, int], reason: str
) -> None:
    """Stands for a graph that gives something else: the session that is to run the images is of another file."""
    monkeypatch.setattr("vpr_ros.inference.buffers.CUDA", CPU)
    plain, log = ModelSession(model, CPU, {}, 1), EventLog()
    stand_in = write_model(tmp_path / "other.onnx", **other)  # type: ignore[arg-type]
    session = with_buffers(plain, GRAPH, lambda _: ModelSession(stand_in, CPU, {}, 1), log)
    messages = [event.message for event in log.events if event.kind == "fallback"]
    assert any(re.search(reason, message) for message in messages)
    assert session.is_bound and log.events[-1].kind == "bound"  # the next way
    extractor = OnnxExtractor(session, "")
    np.testing.assert_array_equal(extractor.infer(BATCH[:1]), OnnxExtractor(plain, "").infer(BATCH[:1]))


def test_a_run_that_fails_later_is_run_without_and_told_once(model: Path) -> None:
    plain, told = ModelSession(model, CPU, {}, 1), list[str]()
    bound = plain.with_buffers(plain, told.append)
    expected = plain.run(BATCH[:1])
    assert bound._one_image is not None
    bound._one_image._given = {}  # as if the device had lost them
    for _ in range(2):
        np.testing.assert_array_equal(bound.run(BATCH[:1]), expected)
    assert len(told) == 1 and not bound.is_bound


def test_new_is_the_default_and_opens_nothing(model: Path) -> None:
    assert InferenceOptions().buffers == NEW
    assert [event.kind for event in open_extractor(model, ON_CPU).events] == ["chosen"]
    assert open_extractor(write_model(model.parent / "two.onnx", batch=2), replace(ON_CPU, buffers=BOUND)).infer(
        BATCH
    ).shape == (6, DIM)
