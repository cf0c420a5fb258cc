"""Compressed depth is no camera, whatever its topic and its format are called."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from some_bags import COUNT, compressed, images, odom, write

from vpr_ros.core.errors import FrameDecodeError, SourceError
from vpr_ros.core.image_codec import decode_compressed, is_picture_format
from vpr_ros.sources import SourceOptions, open_source

DEPTH_MM = np.full((40, 60), 1500, np.uint16)
COLOUR = np.full((40, 60, 3), 100, np.uint8)
PICTURES = [
    "", "jpeg", "png", "rgb8; jpeg compressed bgr8", "bgr8; png compressed ", "mono8; jpeg compressed mono8",
    "mono16; png compressed ", "mono16", "8UC3; jpeg compressed bgr8", "8UC1; jpeg compressed ",
    "bayer_rggb8; jpeg compressed ", "yuv422; jpeg compressed bgr8", "rgb16; png compressed bgr16",
]  # fmt: skip
NO_PICTURES = [
    "16UC1; png compressed ", "16UC1; jpeg compressed ", "16UC1;compressedDepth png", "16UC1; compressedDepth png",
    "16UC1; compressedDepth", "32FC1; compressedDepth png", "32FC1; png compressed ", "32FC1; compressedDepth rvl",
    "mono16; compressedDepth png", "16SC1; png compressed", "16uc1; PNG compressed ", "16UC1", "32FC1", "h264",
]  # fmt: skip


def encoded(pixels: object, suffix: str = ".png") -> bytes:
    done, data = cv2.imencode(suffix, pixels)  # type: ignore[call-overload]
    assert done
    return bytes(data)


@pytest.mark.parametrize("image_format", PICTURES)
def test_pictures_are_read(tmp_path: Path, image_format: str) -> None:
    assert is_picture_format(image_format)
    camera = compressed("/eye/compressed", encoded(COLOUR), image_format)
    source = open_source(write(tmp_path / "bag", camera, odom()))
    assert (list(source.cameras), len(source)) == (["/eye"], COUNT)


@pytest.mark.slow
@pytest.mark.parametrize("image_format", NO_PICTURES)
def test_depth_and_video_are_left_out_and_named_as_raw_depth_is(tmp_path: Path, image_format: str) -> None:
    assert not is_picture_format(image_format)
    topic = "/aligned/image_raw/compressed"
    depth = compressed(topic, encoded(DEPTH_MM), image_format)
    source = open_source(write(tmp_path / "bag", depth, images(), odom()))
    assert len(source) == COUNT
    assert source.warnings == (f"not read, because the encoding is unknown: {topic} ({image_format.strip()})",)
    with pytest.raises(SourceError, match=r"no image topic of .* can be decoded: /aligned/.*Record a colour or grey"):
        open_source(write(tmp_path / "alone", depth, odom()))
    first, *_ = open_source(tmp_path / "alone", SourceOptions(image_topics=("aligned",)))
    with pytest.raises(FrameDecodeError, match=r"at 1700000000\.000 s: format .* is no picture, expected a colour"):
        first.load()


def test_the_node_s_decoder_refuses_depth_too() -> None:
    with pytest.raises(FrameDecodeError, match="format '16UC1; png compressed' is no picture"):
        decode_compressed(encoded(DEPTH_MM), "/depth", "16UC1; png compressed ")
    assert decode_compressed(encoded(DEPTH_MM * 20), "/infrared", "mono16; png compressed ")[0, 0, 0] == 117


@pytest.mark.parametrize("image_format", ["png", ""])
def test_a_format_that_does_not_say_so_is_seen_by_its_pixels(tmp_path: Path, image_format: str) -> None:
    depth = compressed("/camera/depth/image_rect/compressed", encoded(DEPTH_MM), image_format)
    source = open_source(write(tmp_path / "bag", depth, images(), odom()))
    assert len(source) == COUNT
    assert "/camera/depth/image_rect/compressed (" in source.warnings[0]
    assert "16-bit depth" in source.warnings[0]
    colour = compressed("/depth_camera/rgb/compressed", encoded(COLOUR), image_format)
    assert len(open_source(write(tmp_path / "colour", colour, odom()))) == COUNT
