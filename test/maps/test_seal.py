"""The seal of a manifest: what is changed shows, what is meant is accepted, and an older map opens as before."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.cli import inspect_map
from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import build_map
from vpr_ros.mapping.upkeep import reseal
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.format import FORMAT_VERSION
from vpr_ros.maps.seal import content_sha256


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A map of three frames whose camera sits 1.1 m above the base."""
    camera = CameraMount("/front", "optical", Pose((0.25, 0.0, 1.125)))
    return build_wall_map(tmp_path / "map", WallSource([0.0, 0.5, 1.0], camera=camera)).path


def replace_text(folder: Path, old: str, new: str) -> None:
    path = folder / "manifest.yaml"
    before = path.read_text()
    assert before.count(old) == 1
    path.write_text(before.replace(old, new))


def unseal(folder: Path) -> None:
    """Make a map as it was built before there were checksums of manifests and pictures."""
    replace_text(folder, f"format_version: {FORMAT_VERSION}\n", "format_version: 1\n")
    path = folder / "manifest.yaml"
    path.write_text(re.sub(r"^(manifest|thumbnails)_sha256: .*\n", "", path.read_text(), flags=re.MULTILINE))


def advised(error: MapError) -> list[str]:
    """The arguments of the command that a message gives."""
    command = re.search("`vpr_ros inspect_map ([^`]+)`", error.remedy)
    assert command is not None
    return shlex.split(command[1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    - 1.125\n", "    - 2.125\n"),
        ("\nframe_id: map\n", "\nframe_id: site\n"),
        ("  bias: -0.5\n", "  bias: 0.5\n"),
        ("thumbnails: 3\n", "thumbnails: 3\nnote: a line of its own\n"),
    ],
)
def test_a_change_shows_and_the_command_of_the_message_accepts_it(
    mounted: Path, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    replace_text(mounted, old, new)
    with pytest.raises(MapError, match=r"manifest\.yaml was changed since it was written") as caught:
        PlaceMap.open(mounted)
    assert inspect_map.main([str(mounted), "--verify"]) == 2
    assert inspect_map.main(advised(caught.value)) == 0
    assert "as it was sealed" in capsys.readouterr().out
    PlaceMap.open(mounted).verify()


def test_a_mount_that_was_meant_is_the_one_that_counts(mounted: Path) -> None:
    replace_text(mounted, "    - 1.125\n", "    - 2.125  # the mast was raised\n")
    opened = reseal(mounted)
    mount = opened.mount("/front")
    assert mount is not None and mount.T_base_camera == Pose((0.25, 0.0, 2.125))
    text = (mounted / "manifest.yaml").read_text()
    assert "# the mast was raised" in text
    assert text.startswith(f"manifest_sha256: {opened.manifest.manifest_sha256}\n")


def test_layout_and_comments_are_no_change(mounted: Path) -> None:
    path = mounted / "manifest.yaml"
    before = PlaceMap.open(mounted).manifest
    lines = path.read_text().splitlines()
    path.write_text("# of the north hall\n" + "\n".join(lines[1:] + lines[:1]) + "\n")
    assert PlaceMap.open(mounted).manifest == before


@pytest.mark.parametrize(
    ("path", "number"), [("calibration.radius_m", 0.5), ("model.descriptor_dim", 95), ("cameras.0.name", "/rear")]
)
def test_the_seal_covers_every_value(path: str, number: object) -> None:
    plain = {
        "calibration": {"radius_m": 1.0},
        "model": {"descriptor_dim": 96},
        "cameras": [{"name": "/front"}],
        "manifest_sha256": "not covered",
    }
    before = content_sha256(plain)
    assert content_sha256({**plain, "manifest_sha256": "another"}) == before
    changed = json.loads(json.dumps(plain))
    *above, last = path.split(".")
    table = changed
    for key in above:
        table = table[int(key)] if key.isdigit() else table[key]
    table[last] = number
    assert content_sha256(changed) != before


@pytest.mark.slow
def test_a_manifest_cut_short_anywhere_never_opens(mounted: Path) -> None:
    path = mounted / "manifest.yaml"
    content = path.read_bytes()
    ends = [number for number, byte in enumerate(content, start=1) if byte == ord("\n")]
    for end in [0, *ends[:-1]]:
        path.write_bytes(content[:end])
        with pytest.raises(MapError):
            PlaceMap.open(mounted)


def test_a_seal_that_is_gone_shows_and_the_command_of_the_message_writes_it_again(mounted: Path) -> None:
    path = mounted / "manifest.yaml"
    sealed, rest = path.read_text().split("\n", 1)
    path.write_text(rest)
    with pytest.raises(MapError, match=r"manifest\.yaml lacks its line manifest_sha256") as caught:
        PlaceMap.open(mounted)
    assert inspect_map.main(advised(caught.value)) == 0
    assert path.read_text().startswith(f"{sealed}\n")


# older maps


def test_an_older_map_opens_says_so_and_can_be_sealed(mounted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unseal(mounted)
    PlaceMap.open(mounted).verify()
    assert inspect_map.main([str(mounted), "--verify"]) == 0
    assert "has no checksum, as of an older map" in capsys.readouterr().out
    assert inspect_map.main([str(mounted), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["manifest_sha256"] == ""
    assert inspect_map.main([str(mounted), "--reseal", "--verify"]) == 0
    opened = PlaceMap.open(mounted)
    assert opened.manifest.manifest_sha256 and opened.manifest.thumbnails_sha256
    opened.verify()


def test_a_session_added_to_an_older_map_seals_it(mounted: Path) -> None:
    unseal(mounted)
    camera = PlaceMap.open(mounted).manifest.cameras[0]
    build_map(WallSource([10.0], camera=camera), PixelExtractor(), mounted, EVERY_FRAME, append=True)
    opened = PlaceMap.open(mounted)
    assert (len(opened), opened.manifest.thumbnails) == (4, 4)
    assert opened.manifest.manifest_sha256
    opened.verify()


# sealing again


def test_a_change_that_cannot_be_is_not_accepted(mounted: Path) -> None:
    replace_text(mounted, "    - 1.125\n", "    - 1125.0\n")
    before = (mounted / "manifest.yaml").read_bytes()
    with pytest.raises(MapError, match=r"T_base_camera of camera '/front' is 1125 m from the base, expected 300 m"):
        reseal(mounted)
    assert (mounted / "manifest.yaml").read_bytes() == before


def test_a_manifest_in_another_layout_keeps_what_it_says(mounted: Path) -> None:
    path = mounted / "manifest.yaml"
    plain = {**inspect_map._plain(PlaceMap.open(mounted)), "frame_id": "site"}
    path.write_text(f"---\n{json.dumps(plain)}\n")
    assert reseal(mounted).manifest.frame_id == "site"
    assert list(mounted.glob(".*")) == []


def test_a_seal_that_dies_leaves_the_manifest_as_it_was(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class OutOfPower(BaseException):
        pass

    def no_power(*_: object) -> NoReturn:
        raise OutOfPower

    replace_text(mounted, "\nframe_id: map\n", "\nframe_id: site\n")
    before = (mounted / "manifest.yaml").read_bytes()
    with monkeypatch.context() as patched, pytest.raises(OutOfPower):
        patched.setattr(Path, "replace", no_power)
        reseal(mounted)
    assert (mounted / "manifest.yaml").read_bytes() == before
    assert reseal(mounted).manifest.frame_id == "site"


def test_a_link_beside_the_manifest_is_not_written_through(mounted: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("dear")
    (mounted / f".manifest.{os.getpid()}.part.yaml").symlink_to(letter)
    reseal(mounted)
    assert letter.read_text() == "dear"


# the pictures


def drop(folder: Path) -> None:
    (folder / "000001.jpg").unlink()


def blacken(folder: Path) -> None:
    path = folder / "000001.jpg"
    path.write_bytes(path.read_bytes()[:-40] + bytes(38) + b"\xff\xd9")


def swap(folder: Path) -> None:
    (folder / "000000.jpg").rename(folder / "kept")
    (folder / "000002.jpg").rename(folder / "000000.jpg")
    (folder / "kept").rename(folder / "000002.jpg")


@pytest.mark.parametrize("damage", [drop, blacken, swap, shutil.rmtree])
def test_changed_pictures_are_found_by_verify_alone_and_can_be_accepted(
    mounted: Path, damage: Callable[[Path], object]
) -> None:
    damage(mounted / "thumbnails")
    opened = PlaceMap.open(mounted)  # nothing is localized by them
    with pytest.raises(MapError, match=r"thumbnails holds \d pictures with the checksum") as caught:
        opened.verify()
    assert inspect_map.main(advised(caught.value)) == 0
    PlaceMap.open(mounted).verify()
