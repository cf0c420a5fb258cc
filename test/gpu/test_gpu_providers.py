# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""On a GPU: the same descriptors of real images as on the CPU, the right provider, graphs, engines that are kept."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gpu_device import STANDS_IN, Record, needs_the_real_one, p50_ms, provider
from PIL import Image

from vpr_ros.core.errors import ModelError
from vpr_ros.core.frames import ImageRgb, size_px_of
from vpr_ros.inference import InferenceEvent, InferenceOptions, open_extractor
from vpr_ros.inference.engine_cache import engine_folder
from vpr_ros.inference.gpu_libraries import check_libraries
from vpr_ros.inference.onnx_extractor import OnnxExtractor
from vpr_ros.inference.options import BOUND, CPU, CUDA, GRAPH, TENSORRT
from vpr_ros.inference.predecessor import identity_of_file
from vpr_ros.inference.probe import MIN_COSINE, lowest_cosine, same_keypoints
from vpr_ros.inference.shipped import shipped_model_path

pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.timeout(300)]
PHOTOS = sorted((Path(__file__).resolve().parents[1] / "data" / "office_corridor" / "query").glob("*.jpg"))
SAME_COSINE = 0.9999


@pytest.fixture(scope="module")
def photos() -> list[ImageRgb]:
    """Of the office corridor that is shipped with the tests."""
    return [np.asarray(Image.open(path).convert("RGB")) for path in PHOTOS[:: 12 if STANDS_IN else 4]]


def one_by_one(extractor: OnnxExtractor, photos: list[ImageRgb]) -> np.ndarray:
    return np.concatenate([extractor.infer(extractor.prepare([photo])) for photo in photos])


def test_descriptors_and_keypoints_of_photos_are_those_of_the_cpu(
    photos: list[ImageRgb], record_property: Record
) -> None:
    found = open_extractor(None, InferenceOptions(providers=(provider(), CPU)), with_local=True)
    on_cpu = open_extractor(None, InferenceOptions(providers=(CPU,)), with_local=True)
    assert found.provider == provider(), found.events
    cosine = lowest_cosine(one_by_one(found, photos), one_by_one(on_cpu, photos))
    shares = []
    for photo in photos:
        batch, size_px = found.prepare([photo]), [size_px_of(photo)]
        shares.append(same_keypoints(found.infer_local(batch, size_px)[0], on_cpu.infer_local(batch, size_px)[0]))
    record_property("figure", f"cosine at least {cosine:.7f}, same keypoints at least {min(shares):.3f}")
    assert cosine >= SAME_COSINE and min(shares) >= 0.9


def test_a_batch_gives_what_single_images_give(photos: list[ImageRgb], record_property: Record) -> None:
    extractor = open_extractor(None, InferenceOptions(providers=(provider(), CPU)))
    cosine = lowest_cosine(extractor.infer(extractor.prepare(photos[:8])), one_by_one(extractor, photos[:8]))
    record_property("figure", f"cosine at least {cosine:.7f}")
    assert cosine >= SAME_COSINE


def test_the_gpu_is_chosen_and_nothing_is_left_to_the_cpu_silently(record_property: Record) -> None:
    extractor = open_extractor(None, InferenceOptions(providers=(provider(), CPU)))
    record_property("figure", "; ".join(f"{event.kind} {event.provider}" for event in extractor.events))
    assert [(event.kind, event.provider) for event in extractor.events] == [("chosen", provider())]


def test_without_a_visible_gpu_the_cpu_answers_and_says_why(record_property: Record) -> None:
    needs_the_real_one()
    provider()
    program = (
        "from vpr_ros.inference import InferenceOptions, open_extractor\n"
        f"for event in open_extractor(None, InferenceOptions(providers={(CUDA, CPU)!r})).events:\n"
        "    print(event.kind, event.provider, event.message)"
    )
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", program], env=hidden, capture_output=True, text=True, check=True)
    record_property("figure", done.stdout.splitlines()[0][:160])
    assert f"fallback {CUDA}" in done.stdout and f"chosen {CPU}" in done.stdout


@pytest.mark.parametrize("buffers", [BOUND, GRAPH])
def test_buffers_and_graphs_change_no_answer(buffers: str, photos: list[ImageRgb], record_property: Record) -> None:
    options = InferenceOptions(providers=(provider(), CPU))
    plain, bound = open_extractor(None, options), open_extractor(None, replace(options, buffers=buffers))
    kinds = [event.kind for event in bound.events]
    assert kinds == ["chosen", "fallback", "bound"] if STANDS_IN and buffers == GRAPH else ["chosen", "bound"], kinds
    cosine = lowest_cosine(one_by_one(plain, photos), one_by_one(bound, photos))
    batch = plain.prepare(photos[:1])
    before, after = p50_ms(lambda: plain.infer(batch)), p50_ms(lambda: bound.infer(batch))
    record_property("figure", f"{before:.2f} ms without, {after:.2f} ms with; cosine at least {cosine:.7f}")
    assert cosine >= SAME_COSINE
    together = lowest_cosine(plain.infer(plain.prepare(photos[:2])), bound.infer(plain.prepare(photos[:2])))
    assert together >= SAME_COSINE and [event.kind for event in bound.events] == kinds


@pytest.mark.timeout(900)
def test_an_engine_is_built_once_kept_and_agrees(
    photos: list[ImageRgb], tmp_path: Path, record_property: Record
) -> None:
    import onnxruntime

    needs_the_real_one()
    if TENSORRT not in onnxruntime.get_available_providers():
        pytest.skip(f"this onnxruntime has no {TENSORRT}")
    try:
        check_libraries(TENSORRT)
    except ModelError as error:
        pytest.skip(str(error))
    took_s, extractor = [], None
    for _ in range(2):
        heard: queue.SimpleQueue[InferenceEvent] = queue.SimpleQueue()
        start_s = time.monotonic()
        extractor = open_extractor(None, InferenceOptions(engine_cache=tmp_path, on_event=heard.put))
        while (event := heard.get(timeout=400.0)).provider != TENSORRT or event.kind == "building":
            pass
        assert event.kind == "built", event.message
        took_s.append(time.monotonic() - start_s)
    assert extractor is not None
    engines = list(engine_folder(tmp_path, identity_of_file(shipped_model_path()).file_sha256).glob("*.engine"))
    on_cpu = open_extractor(None, InferenceOptions(providers=(CPU,)))
    cosine = lowest_cosine(one_by_one(extractor, photos), one_by_one(on_cpu, photos))
    batch = extractor.prepare(photos[:1])
    answer_ms = p50_ms(lambda: extractor.infer(batch))
    record_property(
        "figure", f"built in {took_s[0]:.0f} s, again in {took_s[1]:.0f} s, {answer_ms:.2f} ms, cosine {cosine:.5f}"
    )
    assert engines and took_s[1] < took_s[0] and cosine >= MIN_COSINE
