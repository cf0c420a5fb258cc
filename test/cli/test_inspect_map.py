"""``inspect_map`` on maps of strangers: one line, or a table that shows what is there and does nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from recorded_drive import write_drive

from vpr_ros.cli import build_map, inspect_map
from vpr_ros.core.camera import CameraIntrinsics, Lens
from vpr_ros.maps.seal import sealed_yaml


@pytest.fixture
def built(tmp_path: Path) -> Path:
    drive = write_drive(tmp_path / "drive", 3)
    gates = ["--min-distance", "0", "--min-angle", "0"]
    assert build_map.main([str(drive), "--output", str(tmp_path / "map"), *gates]) == 0
    return tmp_path / "map"


def test_names_are_shown_and_neither_markup_nor_orders_to_the_terminal(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = built / "manifest.yaml"
    plain = yaml.safe_load(path.read_text())
    plain["cameras"][0]["name"] = "[/front]"
    plain["sessions"][0]["source"] = "drive \x1b[2J of [red]Monday[/red]\u202e"
    path.write_text(sealed_yaml(plain))
    capsys.readouterr()
    assert inspect_map.main([str(built)]) == 0
    shown = capsys.readouterr().out
    assert "camera [/front]" in shown and r"drive \x1b[2J of [red]Monday[/red]\u202e" in shown
    assert "\x1b" not in shown and "\u202e" not in shown


def test_how_a_camera_sees_is_shown(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect_map.main([str(built)]) == 0
    assert "intrinsics unknown" in capsys.readouterr().out
    path = built / "manifest.yaml"
    plain = yaml.safe_load(path.read_text())
    seen = CameraIntrinsics(752, 480, 458.654, 457.296, 367.2, 248.4, Lens.BROWN_CONRADY, (-0.28, 0.07, 0.0, 0.0))
    plain["cameras"][0]["intrinsics"] = seen.to_dict()
    path.write_text(sealed_yaml(plain))
    assert inspect_map.main([str(built)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "752x480 px, focal length 458.7 457.3 px, brown_conrady distortion" in shown


def test_a_damaged_map_is_one_line_and_status_2(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = built / "manifest.yaml"
    path.write_text(path.read_text().replace("frames: 3\n", "frames: .inf\n", 1))
    capsys.readouterr()
    for options in ([], ["--verify"], ["--json"], ["--reseal"]):
        assert inspect_map.main([str(built), *options]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1
        assert "frames is inf, expected a whole number" in captured.err


def test_reseal_and_verify_in_one_command(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = built / "manifest.yaml"
    path.write_text(path.read_text().replace("frame_id: map\n", "frame_id: site\n", 1))
    assert inspect_map.main([str(built), "--verify"]) == 2
    assert "--reseal" in capsys.readouterr().err
    assert inspect_map.main([str(built), "--reseal", "--verify"]) == 0
    shown = capsys.readouterr().out
    assert "in frame 'site'" in shown and "every checksum holds" in shown
