"""Things in a recording that nobody asked for: they do not stop it, and what is left out is said."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader
from mcap.writer import CompressionType, IndexType, Writer
from some_bags import (
    BRIGHTNESS,
    CAMERA,
    COUNT,
    T0,
    X_M,
    Sent,
    brightness,
    compressed,
    images,
    odom,
    pose_stamped,
    static,
    write,
    x_m,
)

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import SourceError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.bag_messages import CAMERA_INFO, IMAGE, ODOMETRY, camera_info

PROTOBUF = b"\x0a\xff\x00\x12\x04name"


def rewritten(
    bag: Path,
    file: Path,
    more: Callable[[Writer], None] = lambda _: None,
    schema: Callable[[str, str, bytes], tuple[str, str, bytes]] = lambda name, encoding, data: (name, encoding, data),
    profile: str = "ros2",
    message_encoding: str = "cdr",
    **options: Any,
) -> Path:
    """The messages of *bag* in an mcap file of their own, after what *more* writes."""
    (original,) = bag.glob("*.mcap")
    with original.open("rb") as stream, file.open("wb") as output:
        writer = Writer(output, **options)
        writer.start(profile=profile, library="rosbag2 or something")
        more(writer)
        schemas: dict[int, int] = {}
        channels: dict[int, int] = {}
        for kind, channel, sent in make_reader(stream).iter_messages():
            assert kind is not None
            if channel.id not in channels:
                schemas[kind.id] = writer.register_schema(*schema(kind.name, kind.encoding, kind.data))
                channels[channel.id] = writer.register_channel(
                    channel.topic, message_encoding, schemas[kind.id], channel.metadata
                )
            writer.add_message(channels[channel.id], sent.log_time, sent.data, sent.publish_time, sent.sequence)
        writer.finish()  # type: ignore[no-untyped-call]
    return file


def foreign_channels(writer: Writer) -> None:
    for topic, encoding, schema, data in (
        ("/points", "protobuf", "protobuf", PROTOBUF),
        ("/state", "json", "jsonschema", json.dumps({"type": "object"}).encode()),
    ):
        channel = writer.register_channel(topic, encoding, writer.register_schema("foxglove.Thing", schema, data))
        writer.add_message(channel, T0, b"{}", T0)
    bare = writer.register_channel("/bare", "json", 0, {"offered_qos_profiles": "- [: no yaml"})
    writer.add_message(bare, T0, b"{}", T0)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    return write(tmp_path / "bag", images(), odom())


@pytest.mark.parametrize("profile", ["ros2", "", "foxglove, a long profile"])
@pytest.mark.parametrize(
    "options",
    [{}, {"compression": CompressionType.NONE}, {"use_statistics": False}, {"use_chunking": False}],
    ids=str,
)
def test_channels_and_profiles_of_others_do_not_matter(
    tmp_path: Path, bag: Path, profile: str, options: dict[str, Any]
) -> None:
    file = rewritten(bag, tmp_path / "foreign.mcap", foreign_channels, profile=profile, **options)
    before = file.read_bytes()
    source = open_source(file)
    assert (x_m(source), brightness(source)) == (X_M, BRIGHTNESS)
    assert source.warnings == (
        "not read, because they are not encoded as ROS 2 messages are: /bare (json), /points (protobuf), /state (json)",
    )
    assert file.read_bytes() == before


def test_a_profile_alone_is_not_worth_a_word(tmp_path: Path, bag: Path) -> None:
    source = open_source(rewritten(bag, tmp_path / "plain.mcap", profile=""))
    assert (x_m(source), source.warnings) == (X_M, ())


def test_a_file_without_index_and_with_foreign_schemas_is_read(tmp_path: Path, bag: Path) -> None:
    bare: dict[str, Any] = {"index_types": IndexType.NONE, "use_chunking": False, "use_summary_offsets": False}
    bare |= {"repeat_channels": False, "repeat_schemas": False, "use_statistics": False}
    file = rewritten(bag, tmp_path / "bare.mcap", foreign_channels, **bare)
    assert x_m(open_source(file)) == X_M


def test_a_recording_of_another_system_is_called_so(tmp_path: Path, bag: Path) -> None:
    ros1 = rewritten(
        bag,
        tmp_path / "ros1.mcap",
        schema=lambda name, _, data: (name.replace("/msg/", "/"), "ros1msg", data),
        message_encoding="ros1",
        profile="ros1",
    )
    with pytest.raises(SourceError, match=r"holds no image; its topics are none; not read.*image_raw \(ros1\)"):
        open_source(ros1)


@pytest.mark.parametrize(
    "text", ["float64 a\r\nfloat64 b # c\r\n", "", "float64 from\nnonsense nonsense nonsense\n", "string<=20 n\n"]
)
def test_definitions_of_topics_that_nobody_reads_do_not_matter(tmp_path: Path, bag: Path, text: str) -> None:
    def extra(writer: Writer) -> None:
        schema = writer.register_schema("my_msgs/msg/Thing", "ros2msg", text.encode())
        writer.add_message(writer.register_channel("/extra", "cdr", schema), T0, bytes(64), T0)

    source = open_source(rewritten(bag, tmp_path / "extra.mcap", extra))
    assert (x_m(source), brightness(source), source.warnings) == (X_M, BRIGHTNESS, ())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: b"", "is empty"),
        (lambda _: b"float64[ x y z", "cannot be parsed"),
        (lambda data: data.replace(b"string child_frame_id", b"string child"), "has no nav_msgs/msg/Odometry.child"),
    ],
)
def test_a_definition_of_a_topic_that_is_read_is_replaced_by_that_of_ros(
    tmp_path: Path, bag: Path, change: Callable[[bytes], bytes], says: str
) -> None:
    def broken(name: str, encoding: str, data: bytes) -> tuple[str, str, bytes]:
        return name, encoding, change(data) if name == ODOMETRY else data

    source = open_source(rewritten(bag, tmp_path / "broken.mcap", schema=broken))
    assert x_m(source) == X_M
    (warning,) = source.warnings
    assert warning.startswith(f"/odom: the recorded definition of nav_msgs/msg/Odometry {says}")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(b"float64[9] k\nfloat64[9] r", b"float64[3] k\nfloat64[15] r"), (b"uint32 height", b"float32 height")],
)
def test_a_definition_with_the_names_of_ros_and_other_types_is_told(tmp_path: Path, ours: bytes, theirs: bytes) -> None:
    content = camera_info(CameraIntrinsics(6, 4, 5.0, 5.0, 2.5, 1.5), T0, "cam_optical")
    sent = [Sent("/camera/camera_info", CAMERA_INFO, content, T0 + k) for k in range(3)]
    bag = write(tmp_path / "drive", odom(), images(), sent)

    def changed(name: str, encoding: str, data: bytes) -> tuple[str, str, bytes]:
        assert name != CAMERA_INFO or ours in data
        return name, encoding, data.replace(ours, theirs) if name == CAMERA_INFO else data

    source = open_source(rewritten(bag, tmp_path / "other.mcap", schema=changed))
    assert (x_m(source), source.cameras[CAMERA].intrinsics) == (X_M, None)
    [warning] = source.warnings
    assert warning == f"3 messages of /camera/camera_info left out: its fields are none of a {CAMERA_INFO}"


@pytest.mark.parametrize("encoding", ["", "unknown", "something else"])
def test_messages_whose_recorder_found_no_definitions_are_read(tmp_path: Path, bag: Path, encoding: str) -> None:
    file = rewritten(bag, tmp_path / "undefined.mcap", schema=lambda name, _encoding, _data: (name, encoding, b""))
    source = open_source(file)
    assert (x_m(source), brightness(source), source.warnings) == (X_M, BRIGHTNESS, ())


def test_definitions_with_the_line_ends_of_another_system_and_short_names_are_read(tmp_path: Path, bag: Path) -> None:
    def other(name: str, encoding: str, data: bytes) -> tuple[str, str, bytes]:
        return name.replace("/msg/", "/"), encoding, data.replace(b"\n", b"\r\n")

    source = open_source(rewritten(bag, tmp_path / "crlf.mcap", schema=other))
    assert (x_m(source), brightness(source), source.warnings) == (X_M, BRIGHTNESS, ())


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_of_two_types_on_one_topic_one_is_read_and_the_other_counted(tmp_path: Path, storage: str) -> None:
    stray = [pose_stamped(k, 99.0, "map")._replace(topic="/odom") for k in (1, 5)]
    text = [static("/camera/image_raw", "a", "b", 1.0)]
    bag = write_kinds(tmp_path, storage, images(), odom(), stray, text)
    source = open_source(bag)
    assert (x_m(source), brightness(source)) == (X_M, BRIGHTNESS)
    assert f"{CAMERA} carries several types: 12 {IMAGE} are read, 1 tf2_msgs/msg/TFMessage not" in source.warnings
    expected = f"/odom carries several types: 12 {ODOMETRY} are read, 2 geometry_msgs/msg/PoseStamped not"
    assert expected in source.warnings


def write_kinds(tmp_path: Path, storage: str, *parts: list[Sent]) -> Path:
    """A bag in which a topic may have several types, which a recorder keeps apart as two connections."""
    renamed = [[s._replace(topic=f"{s.topic}{len(s.type_name):04d}") for s in part] for part in parts]
    bag = write(tmp_path / "kinds", *renamed, storage=storage)  # type: ignore[arg-type]
    if storage == "sqlite3":
        with sqlite3.connect(bag / "kinds.db3") as database:
            database.execute("UPDATE topics SET name = substr(name, 1, length(name) - 4)")
        database.close()
        (bag / "metadata.yaml").unlink()
        return bag
    file = tmp_path / "kinds.mcap"
    with (bag / "kinds.mcap").open("rb") as stream, file.open("wb") as output:
        writer = Writer(output)
        writer.start(profile="ros2", library="test")
        channels: dict[int, int] = {}
        for schema, channel, sent in make_reader(stream).iter_messages():
            assert schema is not None
            if channel.id not in channels:
                kind = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(channel.topic[:-4], "cdr", kind)
            writer.add_message(channels[channel.id], sent.log_time, sent.data, sent.publish_time)
        writer.finish()  # type: ignore[no-untyped-call]
    return file


def damage(bag: Path, topic: str, numbers: list[int]) -> None:
    """Cut some messages of a topic short."""
    with sqlite3.connect(next(bag.glob("*.db3"))) as database:
        query = "SELECT messages.id FROM messages JOIN topics ON topic_id = topics.id WHERE name = ? ORDER BY timestamp"
        rows = database.execute(query, (topic,)).fetchall()
        for number in numbers:
            database.execute("UPDATE messages SET data = substr(data, 1, 10) WHERE id = ?", rows[number])
    database.close()


@pytest.mark.parametrize("numbers", [[0], [3, 7]])
def test_messages_that_do_not_deserialise_are_counted(tmp_path: Path, numbers: list[int]) -> None:
    bag = write(tmp_path / "bag", images(), odom(), [static("/tf_static", "base_link", "x", 1.0)], storage="sqlite3")
    for topic in (CAMERA, "/odom"):
        damage(bag, topic, numbers)
    damage(bag, "/tf_static", [0])
    source = open_source(bag)
    read = [10 * k for k in range(COUNT) if k not in numbers]
    assert brightness(source) == read
    assert x_m(source) == [k / 20 for k in read]
    assert f"poses not usable: {len(numbers)} no nav_msgs/msg/Odometry" in source.description
    transforms, left_out = source.warnings
    assert transforms.startswith("1 messages of /tf_static left out: ")
    assert left_out.startswith(f"{len(numbers)} of 12 messages of {CAMERA} left out: ")
    assert "10 bytes" in left_out


def test_a_topic_none_of_whose_messages_deserialises_is_told(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", images(), odom(), storage="sqlite3")
    damage(bag, "/odom", list(range(COUNT)))
    with pytest.raises(SourceError, match=r"/odom has no usable pose \(12 no nav_msgs/msg/Odometry\)"):
        open_source(bag)
    damage(bag, CAMERA, list(range(COUNT)))
    with pytest.raises(SourceError, match=rf"no image topic of .* can be decoded: {CAMERA} \(a message .* 10 bytes"):
        open_source(bag, SourceOptions(require_poses=False))
    with pytest.raises(SourceError, match=rf"no image of {CAMERA} .* can be read"):
        open_source(bag, SourceOptions(require_poses=False, image_topics=(CAMERA,)))


def test_other_cameras_are_read_beside_one_that_cannot_be(tmp_path: Path) -> None:
    stream = compressed("/video/compressed", b"\0\0\0\1", "h264")
    source = open_source(write(tmp_path / "bag", images(), odom(), stream))
    assert list(source.cameras) == [CAMERA]
    assert source.warnings == ("not read, because the encoding is unknown: /video/compressed (h264)",)
