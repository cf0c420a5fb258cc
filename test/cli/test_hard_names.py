"""File names that mean something to a shell, a table, a page or a formula: right to the end, or refused at first."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from recorded_drive import write_drive

from vpr_ros.cli import build_map, evaluate
from vpr_ros.core.errors import FrameDecodeError
from vpr_ros.maps import PlaceMap
from vpr_ros.sources import SourceOptions, open_source

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "00 run #3.jpg": None,
    "01 50%20kmh.jpg": None,
    "02 what?.jpg": None,
    "03 back\\slash\\x41.jpg": None,
    "04 com,ma;semi.jpg": None,
    "05 quo\"te's.jpg": None,
    "06 Shot 9.41\u202fPM.jpg": None,
    "07 $a^b_{c$.jpg": None,
    "08 <b>&amp;.jpg": None,
    "09 two  blanks .jpg": None,
    "10 new\nline.jpg": "10 new\\nline.jpg",
    "11 return\r\x1b[31m.jpg": "11 return\\r\\x1b[31m.jpg",
    "12 caf\udce9.jpg": "12 caf\\xe9.jpg",
    "13 next\u2028line\x85.jpg": "13 next\\u2028line\\x85.jpg",
    "14 =1+1.jpg": None,
    "15 \u0645\u0631\u062d\u0628\u0627.jpg": None,
}
"""On disk, and as it is written where that differs."""
WRITTEN = [written or name for name, written in NAMES.items()]


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder whose name is not UTF-8 either."""
    plain = write_drive(tmp_path_factory.mktemp("plain") / "images", len(NAMES))
    folder = plain.parent / "dr\udce9ve #1%"
    folder.mkdir()
    for image, name in zip(sorted(plain.glob("*.jpg")), NAMES, strict=True):
        image.rename(folder / name)
    (folder / "poses.txt").write_text("".join(f"1 0 0 {k} 0 1 0 0 0 0 1 0\n" for k in range(len(NAMES))))
    shutil.rmtree(plain)
    return folder


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """As a user does, in a terminal that takes UTF-8."""
    terminal = {"PYTHONIOENCODING": "", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **terminal}
    command = [os.fsencode(str(part)) for part in (sys.executable, "-m", f"vpr_ros.cli.{module}", *arguments)]
    return subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)


def test_they_are_built_resumed_evaluated_and_reported(drive: Path, tmp_path: Path) -> None:
    output, report = tmp_path / "m\udce9p #2?", tmp_path / "r\udce9port%"
    done = run("build_map", drive, "--output", output, "--min-distance", 0, "--min-angle", 0)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"m\\xe9p #2?: 16 frames" in done.stdout
    opened = PlaceMap.open(output)
    assert list(opened.frames.names) == WRITTEN
    assert [opened.pose(k).position_m[0] for k in range(len(opened))] == list(range(len(NAMES)))
    assert all(opened.thumbnail(k) is not None for k in range(len(opened)))
    assert sorted(tmp_path.iterdir()) == [output]  # nothing was written elsewhere
    picture = tmp_path.parent / "p\udce9cture.png"
    done = run("inspect_map", output, "--verify", "--picture", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    done = run("evaluate", output, drive, "--output", report, "--threshold", 0.5)
    assert done.returncode == 0, done.stderr
    with (report / "queries.csv").open(newline="", encoding="utf-8") as table:
        assert [row["query"] for row in csv.DictReader(table)] == WRITTEN
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "<b>&amp;.jpg" not in page
    assert sorted(tmp_path.iterdir()) == sorted([output, report])


def test_a_build_that_was_interrupted_is_resumed(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(drive), "--output", str(tmp_path / "map"), "--min-distance", "0", "--min-angle", "0"]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("vpr_ros.mapping.builder.finish_map", interrupted)
        assert build_map.main(arguments) == 130
    assert build_map.main([*arguments, "--resume"]) == 0
    assert "16 frames, 16 new, 16 of them by the interrupted build" in capsys.readouterr().out
    assert list(PlaceMap.open(tmp_path / "map").frames.names) == WRITTEN


def test_a_written_name_finds_its_file_in_a_table(drive: Path, tmp_path: Path) -> None:
    table = tmp_path / "poses.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "x_m", "y_m"])
        rows.writerows([name, k, 0] for k, name in enumerate(WRITTEN))
    records = list(open_source(drive, SourceOptions(poses=table)))
    assert [record.name for record in records] == WRITTEN
    assert [record.T_map_base.position_m[0] for record in records if record.T_map_base] == list(range(len(NAMES)))


def test_names_that_would_be_written_alike_are_refused(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a\udce9.jpg", "a\\xe9.jpg"):
        shutil.copyfile(drive / next(iter(NAMES)), folder / name)
    (folder / "poses.txt").write_text("1 0 0 0 0 1 0 0 0 0 1 0\n" * 2)
    assert build_map.main([str(folder), "--output", str(tmp_path / "map")]) == 2
    assert r"holds 2 images whose names are all written 'a\\xe9.jpg'. Rename all but one" in capsys.readouterr().err
    assert not (tmp_path / "map").exists()


def test_a_name_is_told_when_its_image_does_not_decode(drive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    shutil.copytree(drive, folder)
    for name in ("03 back\\slash\\x41.jpg", "12 caf\udce9.jpg"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-50])
    done = run("build_map", folder, "--output", tmp_path / "map", "--min-distance", 0, "--min-angle", 0)
    assert done.returncode == 0, done.stderr
    assert b"left out: 2 frames (image does not decode): 03 back\\slash\\x41.jpg, 12 caf\\xe9.jpg" in done.stdout
    assert b"12 caf\\xe9.jpg has " in done.stderr
    with pytest.raises(FrameDecodeError, match=r"12 caf\\xe9\.jpg has \d+ bytes, it ends without its end mark"):
        list(open_source(folder))[12].load()


def test_a_wrong_match_is_drawn_whatever_its_name(drive: Path, tmp_path: Path) -> None:
    """What is between two dollars is no formula."""
    built = tmp_path / "map"
    assert build_map.main([str(drive), "--output", str(built), "--min-distance", "0", "--min-angle", "0"]) == 0
    table = tmp_path / "gt.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(
            [["query", "positives"], *([name, str((k + 8) % 16)] for k, name in enumerate(WRITTEN))]
        )
    arguments = [str(built), str(drive), "--positives", str(table), "--output", str(tmp_path / "report")]
    assert evaluate.main(arguments) == 0


def test_images_above_the_limit_of_pixels_are_left_out_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_drive(tmp_path / "images", 20)  # 320 x 240
    assert cv2.imwrite(str(folder / "0007.jpg"), np.zeros((480, 640, 3), np.uint8))
    arguments = [str(folder), "--min-distance", "0", "--min-angle", "0", "--output", str(tmp_path / "map")]
    assert build_map.main([*arguments, "--max-image-pixels", "76800"]) == 0
    assert "left out: 1 frames (image does not decode): 0007.jpg" in capsys.readouterr().out
    assert "0007.jpg is 640x480 pixels, more than the limit of 76800 pixels" in caplog.text
    assert len(PlaceMap.open(tmp_path / "map")) == 19
    assert build_map.main([*arguments, "--max-image-pixels", "307200", "--overwrite"]) == 0
    assert len(PlaceMap.open(tmp_path / "map")) == 20
    assert build_map.main([*arguments, "--max-image-pixels", "0", "--overwrite"]) == 2
    assert "--max-image-pixels is 0, expected a whole number from 1 to 268435456 (pixels)" in capsys.readouterr().err
