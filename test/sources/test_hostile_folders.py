"""What a folder may hold to hurt: pipes, devices, links to nothing, files without end. Each is named, at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from optional_parts import need
from some_images import write_images

from vpr_ros.core.errors import FrameDecodeError, SourceError, VprError
from vpr_ros.sources import SourceOptions, open_source
from vpr_ros.sources.frame_range import parse_frame_range
from vpr_ros.sources.image_file import LARGEST_IMAGE_BYTES

ROOT = Path(__file__).resolve().parents[2]
KITTI = "".join(f"1 0 0 {k} 0 1 0 0 0 0 1 0\n" for k in range(3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "poses.txt").write_text(KITTI)
    return write_images(tmp_path / "images", ("a.png", "c.png"))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_nothing(path: Path) -> None:
    path.symlink_to("absent")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


IMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a pipe": (pipe, "is no regular file"),
    "a link to nothing": (link_to_nothing, "No such file"),
    "a link to itself": (link_to_itself, "cannot be read"),
    "a device": (link_to_zeros, "is no regular file"),
    "an empty file": (Path.touch, "is empty"),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.timeout(30)
def test_what_is_called_an_image_and_is_none_keeps_its_place(folder: Path, tmp_path: Path, kind: str) -> None:
    make, says = IMAGES[kind]
    make(folder / "b.png")
    records = list(open_source(folder, SourceOptions(poses=tmp_path / "poses.txt")))
    assert [(record.name, record.T_map_base and record.T_map_base.position_m[0]) for record in records] == [
        ("a.png", 0.0),
        ("b.png", 1.0),
        ("c.png", 2.0),
    ]
    with pytest.raises(FrameDecodeError, match=rf"b\.png.*{says}"):
        records[1].load()
    assert records[2].load().image_rgb.shape == (4, 6, 3)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_file_of_a_terabyte_is_not_read(folder: Path) -> None:
    sparse(folder / "b.png")
    record = list(open_source(folder, SourceOptions(require_poses=False)))[1]
    with pytest.raises(FrameDecodeError, match=rf"b\.png holds more than {LARGEST_IMAGE_BYTES} bytes"):
        record.load()


def test_a_folder_called_like_an_image_is_entered(folder: Path) -> None:
    (folder / "b.png").mkdir()
    write_images(folder / "b.png", ["1.jpg"])
    names = [record.name for record in open_source(folder, SourceOptions(require_poses=False))]
    assert names == ["a.png", "b.png/1.jpg", "c.png"]


@pytest.mark.slow
@pytest.mark.timeout(30)
def test_a_maze_of_links_and_a_deep_nest_end(folder: Path, tmp_path: Path) -> None:
    rooms = [folder / f"room{k}" for k in range(12)]
    for room in rooms:
        room.mkdir()
        for other in rooms:
            (room / other.name).symlink_to(other, target_is_directory=True)
    write_images(rooms[3], ["b.png"])
    names = [record.name for record in open_source(folder, SourceOptions(require_poses=False))]
    assert names == ["a.png", "c.png", "room3/b.png"]
    nest = tmp_path / "nest" / "/".join("a" * 300)
    nest.mkdir(parents=True)
    with pytest.raises(SourceError, match="holds no image"):
        open_source(tmp_path / "nest", SourceOptions(require_poses=False))


@pytest.mark.parametrize("poses", ["/dev/zero", "/dev/stdin", "pipe", ".", "absent", "x" * 300, "nul\0"])
@pytest.mark.timeout(30)
def test_poses_from_where_nothing_ends_are_refused(folder: Path, tmp_path: Path, poses: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match=r"is no regular file|is a folder|cannot be read|null byte"):
        open_source(folder, SourceOptions(poses=tmp_path / poses))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["build_map", "evaluate"])
def test_a_command_says_it_on_one_line(folder: Path, tmp_path: Path, command: str) -> None:
    need("onnxruntime")
    os.mkfifo(tmp_path / "pipe")
    given = {"build_map": [folder, "--output", tmp_path / "map"], "evaluate": [tmp_path, folder, "--output", tmp_path]}
    arguments = [sys.executable, "-m", f"vpr_ros.cli.{command}", *given[command], "--poses", tmp_path / "pipe"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(list(map(str, arguments)), env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(b"error: ")


@pytest.mark.parametrize("name", ["times.txt", "rgb.txt", "timestamps.txt", "data.csv", "sensor.yaml", "oxts"])
@pytest.mark.timeout(30)
def test_lists_that_are_devices_are_passed_over(folder: Path, tmp_path: Path, name: str) -> None:
    """A device of that name is none of a data set's files."""
    for where in (folder, tmp_path):
        (where / name).symlink_to("/dev/zero")
    source = open_source(folder, SourceOptions(require_poses=False))
    assert [record.name for record in source] == ["a.png", "c.png"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: &a [1]\nb: *a\n" + "c: " + "[" * 50 + "]" * 50, "nested more than"),
        ("T_BS: {data: [" + "1, " * 15 + "1]}", "T_BS is no rotation and position"),
        ("T_BS: {data: [" + ".nan, " * 15 + "1]}", "T_BS is no rotation and position .not finite"),
        ("T_BS: {data: [" + "1e308, " * 15 + "1]}", "T_BS is no rotation and position"),
        ("T_BS: {data: 2020-99-99}", "is not YAML|holds no camera pose"),
        ("T_BS: {data: " + "9" * 5000 + "}", "holds a number of 5000 characters"),
        ("[]", "holds no camera pose"),
        ("T_BS: [1, 2]", "holds no camera pose"),
        ("x" * 100_000, "holds more than 65536 bytes"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_calibration_that_hurts_is_refused(tmp_path: Path, content: str, says: str) -> None:
    camera = tmp_path / "cam0"
    (camera / "data").mkdir(parents=True)
    write_images(camera / "data", ["1403636579763555584.png"])
    (camera / "data.csv").write_text("1403636579763555584,1403636579763555584.png\n")
    (camera / "sensor.yaml").write_text(content)
    with pytest.raises(SourceError, match=says):
        open_source(tmp_path, SourceOptions(require_poses=False))


@pytest.mark.parametrize("path", ["~nosuchuser/drive", "x" * 300, "nul\0byte", "self"])
def test_a_path_that_leads_nowhere_is_an_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "self").symlink_to("self")
    with pytest.raises(VprError, match=r"no path that can be opened|home folder of a user"):
        open_source(Path(path) if path.startswith("~") else tmp_path / path)


@pytest.mark.parametrize("text", ["²:", ":" + "9" * 5000, "1_0:2", "٣:", "-1:", "1:2:3", ""])
def test_a_range_of_frames_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(VprError, match=r"frame range .* is not A:B") as caught:
        parse_frame_range(text)
    assert len(str(caught.value)) < 300
