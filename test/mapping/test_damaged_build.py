"""Builds that find something they cannot use: the message says what, and what it advises works."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import FrameDecodeError, MapError, SourceError
from vpr_ros.core.frames import CameraMount
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import build_map
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.mapping.usable_frames import POSE_TOO_FAR
from vpr_ros.maps import PlaceMap

TRACK = [0.5 * number for number in range(20)]
AGAIN = replace(EVERY_FRAME, overwrite=True)


class PowerCut(BaseException):
    """Ends a build as nothing that is handled would."""


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """Where a map was to be, of which two batches are done."""
    with pytest.raises(PowerCut):
        build_map(WallSource(TRACK, fails_at=18, failure=PowerCut()), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    return tmp_path / "map"


# what an interrupted build left


def header_is_a_number(lines: list[Any]) -> None:
    lines[0] = 3


def batch_is_empty(lines: list[Any]) -> None:
    lines[1] = {}


def batch_is_a_list(lines: list[Any]) -> None:
    lines[1] = [1, 2]


def rows_are_a_number(lines: list[Any]) -> None:
    lines[1]["rows"] = 7


def row_is_short(lines: list[Any]) -> None:
    lines[1]["rows"][2] = lines[1]["rows"][2][:5]


def pose_is_a_word(lines: list[Any]) -> None:
    lines[1]["rows"][2][4] = "left"


def stamp_is_infinite(lines: list[Any]) -> None:
    lines[1]["rows"][2][0] = float("inf")


def counts_contradict(lines: list[Any]) -> None:
    lines[2]["consumed"] = -8


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        header_is_a_number,
        batch_is_empty,
        batch_is_a_list,
        rows_are_a_number,
        row_is_short,
        pose_is_a_word,
        stamp_is_infinite,
        counts_contradict,
    ],
)
def test_a_journal_that_no_build_wrote(cut: Path, damage: Callable[[list[Any]], None]) -> None:
    journal = partial_path(cut) / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    damage(lines)
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(MapError, match=r"journal\.jsonl cannot be read") as caught:
        build_map(WallSource(TRACK), PixelExtractor(), cut, EVERY_FRAME, resume=True)
    assert "--overwrite instead of --resume" in caught.value.remedy
    assert build_map(WallSource(TRACK), PixelExtractor(), cut, AGAIN).frames == 20


def test_a_line_nested_beyond_measure_ends_the_journal(cut: Path) -> None:
    journal = partial_path(cut) / "journal.jsonl"
    first, second, _ = journal.read_text().splitlines()
    journal.write_text(f"{first}\n{second}\n{'[' * 100_000}\n")
    assert build_map(WallSource(TRACK), PixelExtractor(), cut, EVERY_FRAME, resume=True).resumed == 8
    PlaceMap.open(cut).verify()


def test_a_build_without_its_descriptors(cut: Path) -> None:
    (partial_path(cut) / "descriptors.npy").unlink()
    with pytest.raises(MapError, match=r"lacks descriptors\.npy") as caught:
        build_map(WallSource(TRACK), PixelExtractor(), cut, EVERY_FRAME, resume=True)
    assert "--overwrite instead of --resume" in caught.value.remedy
    assert build_map(WallSource(TRACK), PixelExtractor(), cut, AGAIN).frames == 20


# links, which would have a build write, cut off or remove what is not its own


@pytest.mark.slow
def test_a_journal_that_is_a_link_is_not_cut_off(tmp_path: Path) -> None:
    output = build_wall_map(tmp_path / "map", WallSource(TRACK)).path
    letter = tmp_path / "letter"
    letter.write_text("dear\nno json\n")
    (output / "journal.jsonl").symlink_to(letter)
    for resume in (False, True):
        with pytest.raises(MapError, match=r"journal\.jsonl is a link, which no build makes") as caught:
            build_map(WallSource([20.0]), PixelExtractor(), output, EVERY_FRAME, append=True, resume=resume)
        assert letter.read_text() == "dear\nno json\n"
    subprocess.run(re.findall("`(rm [^`]+)`", caught.value.remedy)[0], shell=True, check=True)
    assert build_map(WallSource([20.0]), PixelExtractor(), output, EVERY_FRAME, append=True).frames == 21
    assert letter.read_text() == "dear\nno json\n"


def test_a_folder_to_grow_in_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "thumbnails").mkdir(parents=True)
    (mine / "thumbnails" / "picture").write_text("of home")
    partial_path(tmp_path / "map").symlink_to(mine)
    for config in (EVERY_FRAME, AGAIN):
        with pytest.raises(MapError, match=r"\.map\.partial is a link"):
            build_map(WallSource(TRACK), PixelExtractor(), tmp_path / "map", config)
    assert [path.name for path in mine.rglob("*")] == ["thumbnails", "picture"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["frames.csv", "manifest.yaml", "descriptors.npy"])
def test_links_in_what_is_left_of_a_build_are_not_written_through(cut: Path, tmp_path: Path, name: str) -> None:
    letter = tmp_path / "letter"
    letter.write_text("dear")
    left = partial_path(cut) / name
    left.unlink(missing_ok=True)
    left.symlink_to(letter)
    if name == "descriptors.npy":
        with pytest.raises(MapError, match="lacks"):
            build_map(WallSource(TRACK), PixelExtractor(), cut, EVERY_FRAME, resume=True)
        build_map(WallSource(TRACK), PixelExtractor(), cut, AGAIN)
    else:
        build_map(WallSource(TRACK), PixelExtractor(), cut, EVERY_FRAME, resume=True)
    PlaceMap.open(cut).verify()
    assert letter.read_text() == "dear"


# where the map is to be


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.write_text("mine")])
def test_something_in_the_place_of_the_folder_the_map_grows_in(tmp_path: Path, make: Callable[[Path], object]) -> None:
    partial = partial_path(tmp_path / "map")
    make(partial)
    with pytest.raises(MapError, match=r"\.map\.partial cannot be used \(File exists\)") as caught:
        build_map(WallSource(TRACK), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert "Move it away" in caught.value.remedy
    partial.rename(tmp_path / "away")
    assert build_map(WallSource(TRACK), PixelExtractor(), tmp_path / "map", EVERY_FRAME).frames == 20


def test_a_name_that_leaves_no_room(tmp_path: Path) -> None:
    with pytest.raises(MapError, match="File name too long") as caught:
        build_map(WallSource(TRACK), PixelExtractor(), tmp_path / ("m" * 250), EVERY_FRAME)
    assert "shorter --output" in caught.value.remedy


def test_what_is_no_map_is_never_advised_to_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    for config in (EVERY_FRAME, AGAIN):
        with pytest.raises(MapError, match="exists and is not a map") as caught:
            build_map(WallSource(TRACK), PixelExtractor(), tmp_path / "mine", config)
        assert "--overwrite" not in caught.value.remedy


def test_a_file_system_without_locks_is_not_taken_for_another_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(MapError, match=r"cannot be locked against other builds \(No locks available\)") as caught:
        build_map(WallSource(TRACK), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert "local disk" in caught.value.remedy


# what the recording says


@pytest.mark.parametrize(
    ("mount", "found"),
    [
        (Pose((1.4e6, 0.0, 0.0)), r"is 1\.4e\+06 m from the base"),
        (Pose((0.0, 0.0, float("nan"))), "is not finite"),
        (Pose((0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 2.0)), "has a quaternion of length 2"),
    ],
)
def test_a_camera_that_cannot_sit_there_is_refused_before_any_work(tmp_path: Path, mount: Pose, found: str) -> None:
    source = WallSource(TRACK, camera=CameraMount("/front", "optical", mount))
    with pytest.raises(SourceError, match=f"the place of camera /front on the robot {found}"):
        build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert list(tmp_path.iterdir()) == []


def test_positions_beyond_the_solar_system_are_left_out(tmp_path: Path) -> None:
    report = build_map(WallSource([0.0, 0.5]), PixelExtractor(), tmp_path / "near", EVERY_FRAME)
    assert report.skipped == {}

    class Beyond(WallSource):
        def __iter__(self) -> Any:
            for record in super().__iter__():
                yield replace(record, T_map_base=Pose((1e308, 0.0, 0.0))) if record.stamp_ns == 0 else record

    report = build_map(Beyond([0.0, 0.5, 1.0]), PixelExtractor(), tmp_path / "far", EVERY_FRAME)
    assert (report.frames, report.skipped) == (2, {POSE_TOO_FAR: 1})
    PlaceMap.open(tmp_path / "far").verify()


def test_where_no_image_decodes_the_images_are_to_blame_and_not_the_poses(tmp_path: Path) -> None:
    source = WallSource([0.0], fails_at=0, failure=FrameDecodeError("a picture is torn", "Scan it again"))
    with pytest.raises(SourceError, match="1 image does not decode") as caught:
        build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert "Open some of the images" in caught.value.remedy and "--poses" not in caught.value.remedy


class Latin(WallSource):
    """Every image has a name that is not UTF-8."""

    def __iter__(self) -> Any:
        for record in super().__iter__():
            yield replace(record, name=os.fsdecode(b"caf\xe9"))


@pytest.mark.slow
def test_a_resumed_build_of_names_that_are_no_utf_8_calibrates_as_one_of_one_piece(tmp_path: Path) -> None:
    track = [0.5 * number for number in range(60)]
    whole = build_wall_map(tmp_path / "whole", Latin(track)).manifest.calibration
    assert whole.kind == "held_out"
    with pytest.raises(PowerCut):
        build_map(Latin(track, fails_at=50, failure=PowerCut()), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    report = build_map(Latin(track), PixelExtractor(), tmp_path / "map", EVERY_FRAME, resume=True)
    assert (report.resumed, report.calibration) == (48, whole)


def test_a_name_that_is_no_utf_8_does_not_end_a_finished_build(tmp_path: Path) -> None:
    opened = build_wall_map(tmp_path / "map", Latin([0.0, 0.5], description=os.fsdecode(b"dri\xe9ve")))
    assert opened.frames.names == (r"caf\xe9", r"caf\xe9")
    opened.verify()


@pytest.mark.slow
def test_a_map_that_would_not_open_does_not_take_the_place_of_one_that_does(tmp_path: Path) -> None:
    before = build_wall_map(tmp_path / "map", WallSource(TRACK)).manifest
    with pytest.raises(MapError, match="source has 20000 characters"):
        build_map(WallSource(TRACK, description="x" * 20_000), PixelExtractor(), tmp_path / "map", AGAIN)
    assert PlaceMap.open(tmp_path / "map").manifest == before


def test_another_model_is_named_with_a_command_that_says_which_file(tmp_path: Path) -> None:
    opened = build_wall_map(tmp_path / "my map", WallSource([0.0, 0.5]))
    other = PixelExtractor(seed=1)
    with pytest.raises(MapError) as caught:
        opened.check_model(other.info, other.sha256)
    assert f"`vpr_ros build_map SOURCE --output '{tmp_path / 'my map'}' --overwrite`" in caught.value.remedy
    assert "pixels.onnx" not in caught.value.remedy
