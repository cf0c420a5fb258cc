"""Every encoding of the interface, from a real message to the pixels the model sees."""

from __future__ import annotations

import array
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2 or the extra .[ros]")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.image_codec import RAW_ENCODINGS
from vpr_ros.ros.localizer.image_job import to_frame

Bytes = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 24, 32
STAMP_NS = 1_234_567_890_123_456_789

# The first two rows of the mosaic, as sensor_msgs/image_encodings.hpp names them.
BAYER = {"bayer_rggb8": "RGGB", "bayer_bggr8": "BGGR", "bayer_gbrg8": "GBRG", "bayer_grbg8": "GRBG"}
# Where brightness and the two colour differences lie among the four bytes of two pixels.
YUV = {"yuv422": "UYVY", "uyvy": "UYVY", "yuv422_yuy2": "YUYV", "yuyv": "YUYV"}


def scene() -> ImageRgb:
    """Four fields, red, green, blue and yellow: exchanging any two channels shows."""
    colors = np.array([[[220, 30, 20], [20, 200, 40]], [[30, 20, 230], [210, 200, 30]]], np.uint8)
    return np.repeat(np.repeat(colors, HEIGHT // 2, axis=0), WIDTH // 2, axis=1)


def noise() -> ImageRgb:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def inside(image: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Without two pixels along the edges of image and fields, where interpolation mixes colours."""
    keep_rows = [row for row in range(HEIGHT) if 2 <= row % (HEIGHT // 2) < HEIGHT // 2 - 2]
    keep_columns = [column for column in range(WIDTH) if 2 <= column % (WIDTH // 2) < WIDTH // 2 - 2]
    return image[np.ix_(keep_rows, keep_columns)].astype(np.float64)


def mosaic(image_rgb: ImageRgb, pattern: str) -> Bytes:
    """What a sensor under this pattern of filters reads: (H, W)."""
    rows = np.empty(image_rgb.shape[:2], np.uint8)
    for cell, letter in enumerate(pattern):
        row, column = divmod(cell, 2)
        rows[row::2, column::2] = image_rgb[row::2, column::2, "RGB".index(letter)]
    return rows


def yuv_rows(image_rgb: ImageRgb, order: str) -> Bytes:
    """ITU-R BT.601, studio range, one colour for two pixels: (H, 2 * W)."""
    r, g, b = np.moveaxis(image_rgb.astype(np.float64), 2, 0)
    y = 16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255
    u = 128 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255
    v = 128 + (112.0 * r - 93.786 * g - 18.214 * b) / 255
    rows = np.empty((image_rgb.shape[0], 2 * image_rgb.shape[1]))
    for start, brightness in ((order.index("Y"), y[:, 0::2]), (order.rindex("Y"), y[:, 1::2])):
        rows[:, start::4] = brightness
    for letter, difference in (("U", u), ("V", v)):
        rows[:, order.index(letter) :: 4] = (difference[:, 0::2] + difference[:, 1::2]) / 2
    return np.round(rows).astype(np.uint8)


def message(rows: Bytes, encoding: str, *, padding: int = 0, is_bigendian: int = 0) -> Image:
    """The message as a subscriber gets it: serialised once, its padding full of noise."""
    rows = rows.reshape(HEIGHT, -1)
    gap = np.random.default_rng(2).integers(0, 256, (HEIGHT, padding), dtype=np.uint8)
    padded = np.concatenate([rows, gap], axis=1)
    sent = Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=padded.shape[1], is_bigendian=is_bigendian)
    sent.data = padded.tobytes()
    return deserialize_message(serialize_message(sent), Image)


def pixels(sent: Image | CompressedImage) -> ImageRgb:
    frame = to_frame(sent, "front", STAMP_NS)
    assert (frame.camera, frame.stamp_ns, frame.T_map_base) == ("front", STAMP_NS, None)
    assert frame.image_rgb.shape == (HEIGHT, WIDTH, 3)
    assert frame.image_rgb.dtype == np.uint8
    return frame.image_rgb


def alpha(image: ImageRgb) -> Bytes:
    """With a fourth channel of noise, which must not count."""
    return np.concatenate([image, noise()[..., :1]], axis=2)


PADDINGS = [0, 1, 7, 64]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("picture", [scene(), noise()], ids=["scene", "noise"])
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "RGB8"])
def test_colours_are_exact(encoding: str, picture: ImageRgb, padding: int) -> None:
    ordered = picture if encoding.lower().startswith("rgb") else picture[..., ::-1]
    rows = alpha(ordered) if "a8" in encoding else ordered
    np.testing.assert_array_equal(pixels(message(rows, encoding, padding=padding)), picture)


@pytest.mark.parametrize("padding", PADDINGS)
def test_grey_is_exact_and_the_same_in_every_channel(padding: int) -> None:
    grey = noise()[..., 0]
    np.testing.assert_array_equal(pixels(message(grey, "mono8", padding=padding)), np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("order", "is_bigendian"), [("<u2", 0), (">u2", 1)])
def test_deep_grey_is_rounded_to_eight_bits(order: str, is_bigendian: int, padding: int) -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (HEIGHT, WIDTH))
    deep[0, :3] = [0, 65535, 257]
    rows = deep.astype(order).view(np.uint8)
    decoded = pixels(message(rows, "mono16", padding=padding, is_bigendian=is_bigendian))
    np.testing.assert_array_equal(decoded, np.stack([np.round(deep / 257)] * 3, axis=2))


@pytest.mark.parametrize("is_bigendian", [0, 1])
def test_the_byte_order_of_single_bytes_means_nothing(is_bigendian: int) -> None:
    np.testing.assert_array_equal(pixels(message(noise(), "bgr8", is_bigendian=is_bigendian)), noise()[..., ::-1])


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("encoding", BAYER)
def test_mosaics_have_their_colours(encoding: str, padding: int) -> None:
    decoded = pixels(message(mosaic(scene(), BAYER[encoding]), encoding, padding=padding))
    np.testing.assert_allclose(inside(decoded), inside(scene()), atol=1)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("encoding", YUV)
def test_yuv_has_its_colours(encoding: str, padding: int) -> None:
    decoded = pixels(message(yuv_rows(scene(), YUV[encoding]), encoding, padding=padding))
    np.testing.assert_allclose(inside(decoded), inside(scene()), atol=4)


def test_no_encoding_is_left_out() -> None:
    assert {"rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16", *BAYER, *YUV} == set(RAW_ENCODINGS)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: array.array("B", data)])
def test_any_buffer_a_client_library_gives_is_read(kind: type) -> None:
    sent = message(noise(), "bgr8")
    sent._data = kind(bytes(sent.data))  # the setter would convert it
    np.testing.assert_array_equal(pixels(sent), noise()[..., ::-1])


def compressed(image: npt.NDArray[np.integer[Any]], codec: str, message_format: str) -> CompressedImage:
    """A message whose file holds *image* as it is: three channels are written as blue, green, red."""
    sent = CompressedImage(format=message_format)
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if codec == "jpeg" else []
    sent.data = cv2.imencode({"jpeg": ".jpg", "png": ".png"}[codec], image, options)[1].tobytes()
    return deserialize_message(serialize_message(sent), CompressedImage)


# What image_transport writes for a camera of the first encoding, and what drivers write by hand.
COLOR_FORMATS = [
    "rgb8; {} compressed bgr8", "bgr8; {} compressed bgr8", "rgba8; {} compressed bgr8", "bgra8; {} compressed bgr8",
    "yuv422; {} compressed bgr8", "{}", "", "bgr8; {}", "rgb8; {}",
]  # fmt: skip


@pytest.mark.parametrize("written", COLOR_FORMATS)
def test_png_is_exact_whatever_the_format_says(written: str) -> None:
    for picture in (scene(), noise()):
        sent = compressed(picture[..., ::-1], "png", written.format("png"))
        np.testing.assert_array_equal(pixels(sent), picture)


@pytest.mark.parametrize("written", COLOR_FORMATS)
def test_jpeg_is_close_whatever_the_format_says(written: str) -> None:
    decoded = pixels(compressed(scene()[..., ::-1], "jpeg", written.format("jpeg")))
    np.testing.assert_allclose(inside(decoded), inside(scene()), atol=12)


@pytest.mark.parametrize("codec", ["png", "jpeg"])
def test_a_sender_that_says_it_did_not_swap_red_and_blue_is_believed(codec: str) -> None:
    sent = compressed(scene(), codec, f"rgb8; {codec} compressed rgb8")
    np.testing.assert_allclose(inside(pixels(sent)), inside(scene()), atol=12)


@pytest.mark.parametrize("written", ["mono8; {} compressed ", "mono8; {} compressed mono8", "{}"])
@pytest.mark.parametrize("codec", ["png", "jpeg"])
def test_compressed_grey(codec: str, written: str) -> None:
    grey = np.ascontiguousarray(scene()[..., 1])
    decoded = pixels(compressed(grey, codec, written.format(codec)))
    np.testing.assert_allclose(inside(decoded), inside(np.stack([grey] * 3, axis=2)), atol=6 if codec == "jpeg" else 0)


def test_compressed_deep_grey_and_deep_colour() -> None:
    deep = np.random.default_rng(4).integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
    np.testing.assert_array_equal(
        pixels(compressed(deep[..., ::-1], "png", "rgb16; png compressed bgr16")), np.round(deep / 257)
    )
    np.testing.assert_array_equal(
        pixels(compressed(deep[..., 0], "png", "mono16; png compressed "))[..., 2], np.round(deep[..., 0] / 257)
    )


@pytest.mark.parametrize("encoding", BAYER)
@pytest.mark.parametrize("codec", ["png", "jpeg"])
def test_a_compressed_mosaic_has_its_colours(codec: str, encoding: str) -> None:
    """image_transport compresses the mosaic of a bayer camera as if it were grey, and says so in the format."""
    for target in ("", "mono8"):
        sent = compressed(mosaic(scene(), BAYER[encoding]), codec, f"{encoding}; {codec} compressed {target}")
        difference = np.abs(inside(pixels(sent)) - inside(scene()))
        assert difference.mean() < (0.5 if codec == "png" else 25.0)


def test_transparency_does_not_count() -> None:
    sent = compressed(alpha(scene()[..., ::-1]), "png", "rgba8; png compressed bgra8")
    np.testing.assert_array_equal(pixels(sent), scene())


def test_a_colour_image_of_a_bayer_camera_is_no_mosaic() -> None:
    sent = compressed(scene()[..., ::-1], "png", "bayer_rggb8; png compressed bgr8")
    np.testing.assert_array_equal(pixels(sent), scene())


@pytest.mark.parametrize(
    ("change", "problem", "remedy"),
    [
        ({"encoding": "kodachrome"}, "unknown image encoding 'kodachrome', expected one of rgb8, ", "camera driver"),
        ({"encoding": ""}, "unknown image encoding ''", "camera driver"),
        ({"data": b"\0" * 100}, "truncated image: 100 bytes found", "transport"),
        ({"data": b""}, "truncated image: 0 bytes found", "transport"),
        ({"step": 5}, "step 5", "step is the full length"),
        ({"height": 0}, "size 32x0", "publisher"),
        ({"height": 2**32 - 1, "width": 2**32 - 1}, "4294967295x4294967295 pixels, more than", "max_image_pixels"),
        ({"height": 2, "width": 2, "step": 2**32 - 1}, "truncated image", "transport"),
    ],
)
def test_a_broken_image_is_named_with_what_to_do(change: dict[str, object], problem: str, remedy: str) -> None:
    sent = message(noise(), "rgb8")
    for name, value in change.items():
        setattr(sent, name, value)
    with pytest.raises(FrameDecodeError) as caught:
        to_frame(sent, "front", STAMP_NS)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(("codec", "kept"), [("jpeg", 0.5), ("png", 0.5), ("jpeg", 0.0), ("png", 0.99)])
def test_a_broken_compressed_image_is_named_with_its_camera(codec: str, kept: float) -> None:
    sent = compressed(noise(), codec, codec)
    sent.data = bytes(sent.data)[: int(len(sent.data) * kept)]
    with pytest.raises(FrameDecodeError, match="camera 'front'") as caught:
        to_frame(sent, "front", STAMP_NS)
    assert caught.value.remedy
