# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``build_map`` and ``inspect_map`` as a user runs them, interruptions and full disks included."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from recorded_drive import SPACING_M, write_drive

from vpr_ros.cli import build_map, evaluate, inspect_map
from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.inference import open_extractor
from vpr_ros.localization import Localizer
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.sources import SourceOptions, open_source

EVERY_FRAME = ("--min-distance", 0, "--min-angle", 0)
ROOT = Path(__file__).resolve().parents[2]


def build(*arguments: object) -> int:
    return build_map.main([str(a) for a in arguments])


def start_build(*arguments: object, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vpr_ros.cli.build_map", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509  # only sets a limit and a signal
    )


def digest(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drive(tmp_path_factory.mktemp("drive") / "images", 60)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, drive: Path) -> Path:
    path = tmp_path_factory.mktemp("map") / "map"
    assert build(drive, "--output", path, "--min-distance", 0, "--min-angle", 0) == 0
    return path


def test_a_drive_becomes_a_map(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place_map = PlaceMap.open(built)
    assert len(place_map) == 60
    assert place_map.pose(10).position_m[0] == pytest.approx(10 * SPACING_M)
    queries = np.asarray(place_map.descriptors[[3, 30]], dtype=np.float32)
    assert place_map.search(queries, 1).indices[:, 0].tolist() == [3, 30]
    assert place_map.manifest.calibration.kind == "held_out"
    assert inspect_map.main([str(built), "--json", "--verify"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 60


def test_a_picture_and_a_table(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "map.png"
    assert inspect_map.main([str(built), "--picture", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "60 frames" in capsys.readouterr().out.replace("\n", " ")


def test_gates_thin_the_frames(drive: Path, tmp_path: Path) -> None:
    assert build(drive, "--output", tmp_path / "map", "--min-distance", 2.0) == 0
    assert len(PlaceMap.open(tmp_path / "map")) == 15


def test_a_map_is_not_replaced_by_accident(drive: Path, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digest(built)
    assert build(drive, "--output", built) == 2
    error = capsys.readouterr().err
    assert "--overwrite" in error
    assert error.count("\n") == 1
    assert digest(built) == before


def test_a_second_session_is_appended(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "map"
    shutil.copytree(built, path)
    second = write_drive(tmp_path / "second", 10, start_m=40.0)
    assert build(second, "--output", path, "--append", "--min-distance", 0, "--min-angle", 0) == 0
    place_map = PlaceMap.open(path)
    assert len(place_map) == 70
    assert len(place_map.manifest.sessions) == 2
    np.testing.assert_array_equal(place_map.descriptors[:60], PlaceMap.open(built).descriptors)


def test_a_killed_build_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    drive = write_drive(tmp_path / "drive", 100)
    gates = ("--min-distance", 0, "--min-angle", 0)
    assert build(drive, "--output", tmp_path / "whole", *gates) == 0
    process = start_build(drive, "--output", tmp_path / "killed", *gates)
    journal = tmp_path / ".killed.partial" / "journal.jsonl"
    deadline = time.monotonic() + 60
    while not journal.is_file() or journal.read_text().count("\n") < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed").exists()
    assert build(drive, "--output", tmp_path / "killed", *gates, "--resume") == 0
    for name in ("descriptors.npy", "frames.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not journal.parent.exists()


def test_a_full_disk_leaves_the_old_map_whole(drive: Path, built: Path, tmp_path: Path) -> None:
    path = tmp_path / "map"
    shutil.copytree(built, path)
    before = digest(path)

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    process = start_build(
        drive, "--output", path, "--overwrite", "--min-distance", 0, "--min-angle", 0, before=small_disk
    )
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "full" in error
    assert "--resume" in error
    assert digest(path) == before


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (shutil.rmtree, "does not exist"),
        (lambda m: (m / "manifest.yaml").unlink(), "not a map"),
        (lambda m: (m / "manifest.yaml").write_text("{"), "not YAML"),
        (lambda m: _edit(m, f"format_version: {FORMAT_VERSION}", "format_version: 99"), "99"),
        (lambda m: _truncate(m / "descriptors.npy"), "descriptors.npy"),
        (lambda m: _flip(m / "frames.csv"), "frames.csv"),
        (lambda m: (m / "frames.csv").unlink(), "frames.csv"),
    ],
)
def test_a_damaged_map_says_what_is_wrong(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "map"
    shutil.copytree(built, path)
    damage(path)
    assert inspect_map.main([str(path)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_every_flipped_byte_is_found_by_verify(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "map"
    shutil.copytree(built, path)
    _flip(path / "descriptors.npy")
    assert inspect_map.main([str(path), "--verify"]) == 2


def test_a_session_whose_images_were_calibrated_since_is_not_added_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drive, path = write_drive(tmp_path / "drive", 12), tmp_path / "map"
    append = (drive, "--output", path, "--append", *EVERY_FRAME)
    assert build(drive, "--output", path, *EVERY_FRAME) == 0
    assert build(*append) == 0
    calibration = drive / "camera.yaml"
    calibration.write_text(yaml.safe_dump(CameraIntrinsics.from_fov(48, 48).to_dict()))
    assert build(*append, "--resume") == 0
    assert len(PlaceMap.open(path)) == 24
    assert f"{calibration} is for images of 48x48 px" in caplog.text


def test_images_that_do_not_decode_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drive = write_drive(tmp_path / "drive", 12)
    (drive / "0003.jpg").write_bytes(b"broken")
    assert build(drive, "--output", tmp_path / "map", "--min-distance", 0, "--min-angle", 0) == 0
    assert len(PlaceMap.open(tmp_path / "map")) == 11
    assert "left out: 1 frames" in capsys.readouterr().out


def test_poses_that_cannot_be_used_are_counted_in_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drive = write_drive(tmp_path / "drive", 12)
    lines = (drive / "poses.csv").read_text().splitlines()
    lines[4] = "0003.jpg,nan,nan,nan"
    (drive / "poses.csv").write_text("\n".join(lines) + "\n")
    assert build(drive, "--output", tmp_path / "map", "--min-distance", 0, "--min-angle", 0) == 0
    assert len(PlaceMap.open(tmp_path / "map")) == 11
    assert "1 images without a pose left out, poses not usable: 1 not finite" in capsys.readouterr().out


def test_numbers_of_frames_make_a_map_whose_headings_are_unknown(tmp_path: Path) -> None:
    """The recipe of docs/datasets.md, run as it stands there, for a folder without poses."""
    drive = write_drive(tmp_path / "my_images", 12)
    (drive / "poses.csv").unlink()
    for number in range(12):  # names that sort as text in another order than as numbers
        (drive / f"{number:04d}.jpg").rename(drive / f"frame{number}.jpg")
    recipe = (ROOT / "docs" / "datasets.md").read_text().split("```sh\n")[1].split("```")[0]
    assert recipe.count("\n") == 3
    subprocess.run(["bash", "-ec", recipe], cwd=tmp_path, check=True)
    lines = (drive / "poses.csv").read_text().splitlines()
    assert lines[:3] + lines[-1:] == ["file,x_m,y_m", "frame0.jpg,0,0", "frame1.jpg,1,0", "frame11.jpg,11,0"]
    csv = (drive / "poses.csv").rename(tmp_path / "index.csv")
    assert build(drive, "--poses", csv, "--output", tmp_path / "map") == 0
    place_map = PlaceMap.open(tmp_path / "map")
    assert place_map.frames.position_m[:, 0].tolist() == list(range(12))
    assert np.isnan(place_map.frames.quat_xyzw).all()
    localizer = Localizer(open_extractor(None), place_map)
    frame = next(iter(open_source(drive, SourceOptions(require_poses=False)))).load()
    answer = localizer.localize(frame)
    assert answer.matches[0].frame_index == 0
    assert not answer.matches[0].T_map_base.has_orientation
    assert not answer.orientation_known
    assert answer.covariance is not None
    assert answer.covariance[5, 5] == pytest.approx(np.pi**2)


def test_a_zero_of_its_own_is_said_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    drive = write_drive(tmp_path / "drive", 30, start_m=50.0)
    poses = (drive / "poses.csv").read_text().replace(",0,90", ",5334760.25,90")
    (drive / "poses.csv").write_text(poses)
    assert build(drive, "--output", tmp_path / "far", *EVERY_FRAME) == 0
    assert caplog.messages[0].startswith("warning: the map's coordinates reach 5334760 m: AMCL refuses")
    assert "origin:" not in capsys.readouterr().out
    caplog.clear()
    assert build(drive, "--output", tmp_path / "map", *EVERY_FRAME, "--no-local", "--local-origin") == 0
    assert "origin: 50 5334760 0 m of the recordings' poses" in capsys.readouterr().out
    assert not caplog.messages
    assert PlaceMap.open(tmp_path / "map").frames.position_m[0].tolist() == [0.0, 0.25, 0.0]
    assert inspect_map.main([str(tmp_path / "map")]) == 0
    assert "50 5334760 0 m of the recordings' poses" in capsys.readouterr().out
    assert build(drive, "--output", tmp_path / "no", "--local-origin", "--origin", 1, 2, 3) == 2
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_map_that_could_not_calibrate_itself_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    drive = write_drive(tmp_path / "drive", 12)
    assert build(drive, "--output", tmp_path / "map", *EVERY_FRAME) == 0
    warning = "warning: the map could not calibrate itself (12 frames gave 0 right and 0 wrong answers"
    assert caplog.messages[0].startswith(warning)
    assert inspect_map.main([str(tmp_path / "map")]) == 0
    assert warning in capsys.readouterr().out
    options = ["--frame-window", "0", "--output", str(tmp_path / "results")]
    assert evaluate.main([str(tmp_path / "map"), str(drive), *options]) == 0
    assert capsys.readouterr().err.startswith(warning)
    assert "map_calibration: default" in (tmp_path / "results" / "run.yaml").read_text()


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (build_map, inspect_map):
        with pytest.raises(SystemExit) as ended:
            command.main(["--help"])
        assert ended.value.code == 0
        assert "example:" in capsys.readouterr().out


def _edit(folder: Path, old: str, new: str) -> None:
    manifest = folder / "manifest.yaml"
    assert old in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(old, new))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
