# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Depth images of a bag that somebody names: those of each image, in metres, for the camera they are registered to."""

from __future__ import annotations

import multiprocessing
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from some_bags import COUNT, Sent, compressed, images, odom, stamp_of, write

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import IMAGE, header, message
from vpr_ros.sources.bag_writer import Storage
from vpr_ros.sources.recorded_source import RecordedSource

TOPIC = "/camera/aligned_depth_to_color/image_raw"
WITH_DEPTH = SourceOptions(depth_topic="aligned_depth_to_color")


def depth(encoding: str = "16UC1", frame: str = "cam_optical", late_ns: int = 0, topic: str = TOPIC) -> list[Sent]:
    """Image number k is 1 m + k mm away; its first pixel is unknown."""
    sent = []
    for k in range(COUNT):
        pixels = np.full((4, 6), 1000 + k, np.uint16) if encoding == "16UC1" else np.full((4, 6), 1 + k / 1000, "f4")
        pixels[0, 0] = 0
        content: dict[str, Any] = {
            "header": header(stamp_of(k) + late_ns, frame),
            "height": 4,
            "width": 6,
            "encoding": encoding,
            "is_bigendian": 0,
            "step": 6 * pixels.itemsize,
            "data": np.frombuffer(pixels.tobytes(), np.uint8),
        }
        sent.append(Sent(topic, IMAGE, message(IMAGE, **content), stamp_of(k) + late_ns + 4))
    return sent


def metres(source: RecordedSource) -> list[float]:
    found = []
    for record in source:
        assert record.load_depth_m is not None
        depth_m = record.load_depth_m()
        assert depth_m.shape == (4, 6) and np.isnan(depth_m[0, 0])
        found.append(round(float(depth_m[2, 3]), 6))
    return found


EXPECTED = [round(1 + k / 1000, 6) for k in range(COUNT)]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_each_image_has_the_depth_of_its_time(tmp_path: Path, encoding: str, storage: Storage) -> None:
    bag = write(tmp_path / "bag", depth(encoding, late_ns=15_000_000), images(), odom(), storage=storage)
    source = open_source(bag, WITH_DEPTH)
    assert list(source.cameras) == ["/camera/image_raw"] and not source.warnings
    assert metres(source) == EXPECTED
    assert all(record.load_image().shape == (4, 6, 3) for record in source)
    without = open_source(bag, SourceOptions(depth_topic=TOPIC, depth_images=False))
    assert all(record.load_depth_m is None for record in (*open_source(bag), *without))


def test_compressed_depth_is_read(tmp_path: Path) -> None:
    pixels = np.full((4, 6), 1500, np.uint16)
    data = bytes(12) + cv2.imencode(".png", pixels)[1].tobytes()
    sent = compressed(f"{TOPIC}/compressedDepth", data, "16UC1; compressedDepth png")
    source = open_source(write(tmp_path / "bag", sent, images(), odom()), WITH_DEPTH)
    for record in source:
        assert record.load_depth_m is not None
        np.testing.assert_array_equal(record.load_depth_m(), np.full((4, 6), 1.5, np.float32))


def test_threads_and_forked_workers_read_images_and_depth_at_once(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "bag", depth(), images(), odom()), WITH_DEPTH)

    def both(number: int) -> tuple[int, float]:
        record = source.records[number % COUNT]
        assert record.load_depth_m is not None
        return int(record.load_image()[0, 0, 0]), round(float(record.load_depth_m()[2, 3]), 6)

    expected = [(10 * k % 256, EXPECTED[k]) for k in range(COUNT)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(both, range(4 * COUNT))) == 4 * expected
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=lambda: results.put([both(number) for number in range(COUNT)]))
    child.start()
    assert results.get() == expected
    child.join()


def test_images_without_a_depth_near_their_time_have_none(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "bag", depth(late_ns=30_000_000), images(), odom()), WITH_DEPTH)
    assert all(record.load_depth_m is None for record in source)


def test_of_several_cameras_the_one_in_its_frame_has_it(tmp_path: Path) -> None:
    rear = images("/rear/image_raw", frame="rear_optical")
    source = open_source(write(tmp_path / "bag", depth(), images(), rear, odom()), WITH_DEPTH)
    assert {record.camera for record in source if record.load_depth_m} == {"/camera/image_raw"}
    elsewhere = write(tmp_path / "other", depth(frame="depth_optical"), images(), rear, odom())
    with pytest.raises(SourceError, match=r"in frame 'depth_optical', none of the cameras is: .*--image-topic"):
        open_source(elsewhere, WITH_DEPTH)
    chosen = SourceOptions(depth_topic=TOPIC, image_topics=("/rear/image_raw",))
    source = open_source(elsewhere, chosen)
    assert metres(source) == EXPECTED
    assert any("taken to be registered" in warning for warning in source.warnings)
    assert "taken to be registered" not in source.description


def test_what_is_no_depth_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", images("/colour"), images(), odom())
    with pytest.raises(SourceError, match=r"/colour in .* holds 'rgb8', expected depth: 16UC1 or 32FC1"):
        open_source(bag, SourceOptions(depth_topic="/colour"))
    with pytest.raises(SourceError, match=re.escape("has no depth images on /nothing; its image topics are /colour")):
        open_source(bag, SourceOptions(depth_topic="/nothing"))


def test_a_damaged_one_is_an_error_of_its_own(tmp_path: Path) -> None:
    data = bytes(12) + b"\x89PNG and then nothing"
    sent = compressed(f"{TOPIC}/compressedDepth", data, "16UC1; compressedDepth png")
    first = open_source(write(tmp_path / "bag", sent, images(), odom()), WITH_DEPTH).records[0]
    assert first.load_depth_m is not None
    with pytest.raises(FrameDecodeError, match=r"compressedDepth at 1700000000\.000 s holds no image"):
        first.load_depth_m()
