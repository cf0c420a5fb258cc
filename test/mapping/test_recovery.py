"""What a build killed after its map was complete left behind: the next one tidies up, and does nothing twice."""

from __future__ import annotations

import hashlib
import logging
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from full_disk_command import write_drive
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.cli import build_map as build_map_command
from vpr_ros.core.errors import MapError
from vpr_ros.mapping import BuildConfig, build_map, transaction
from vpr_ros.mapping.build_config import BuildReport
from vpr_ros.mapping.journal import JOURNAL_NAME, open_journal
from vpr_ros.mapping.transaction import PartialMap, partial_path
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.manifest import replaced_path

FIRST, SECOND, THIRD = WallSource([0.0, 0.5, 1.0]), WallSource([10.0, 10.5]), WallSource([20.0, 20.5])
REPLACE = replace(EVERY_FRAME, overwrite=True)


class OutOfPower(BaseException):
    """Ends a build as nothing that is handled would."""


def no_power(*_: object) -> NoReturn:
    raise OutOfPower


def append(output: Path, source: WallSource, *, resume: bool = False, config: BuildConfig = EVERY_FRAME) -> BuildReport:
    return build_map(source, PixelExtractor(), output, config, append=True, resume=resume)


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def beside(output: Path) -> list[str]:
    return sorted(path.name for path in output.parent.iterdir() if path != output)


@pytest.fixture
def replaced(tmp_path: Path) -> Path:
    """A map whose second session stands in its place, but the first version of it was not removed."""
    output = build_wall_map(tmp_path / "map", FIRST).path
    with pytest.MonkeyPatch.context() as patched, pytest.raises(OutOfPower):
        patched.setattr(transaction, "remove_replaced", no_power)
        append(output, SECOND)
    assert beside(output) == [".map.partial"] and (output / JOURNAL_NAME).is_file()
    return output


@pytest.fixture
def between(tmp_path: Path) -> Path:
    """No map, but the replaced one: the power failed between the two renames of a replacement in two steps."""
    output = build_wall_map(tmp_path / "map", FIRST).path
    rename = Path.rename

    def first_only(path: Path, target: Path) -> Path:
        return no_power() if path == partial_path(output) else rename(path, target)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(OutOfPower):
        patched.setattr(transaction, "_exchange", lambda *_: False)
        patched.setattr(Path, "rename", first_only)
        append(output, SECOND)
    assert not output.exists() and beside(output) == [".map.old", ".map.partial"]
    return output


# complete, and not tidied up


def test_a_complete_session_is_not_added_again(replaced: Path) -> None:
    report = append(replaced, SECOND, resume=True)
    assert (report.was_complete, report.frames, report.added) == (True, 5, 0)
    assert beside(replaced) == [] and not (replaced / JOURNAL_NAME).exists()
    for _ in range(2):
        assert append(replaced, SECOND, resume=True).was_complete
    assert len(PlaceMap.open(replaced)) == 5
    assert append(replaced, SECOND).frames == 7  # asked for, without resume


def test_another_drive_of_the_same_name_and_length_is_not_taken_for_it(replaced: Path) -> None:
    append(replaced, SECOND, resume=True)
    assert (THIRD.description, len(THIRD)) == (SECOND.description, len(SECOND))
    report = append(replaced, THIRD, resume=True)
    assert (report.was_complete, report.frames, report.added) == (False, 7, 2)


def test_other_inputs_are_told_before_anything_is_tidied_up(replaced: Path) -> None:
    before = digest(replaced.parent)
    with pytest.raises(
        MapError, match=r"map is complete, and was made from other inputs: min_distance_m was"
    ) as caught:
        append(replaced, SECOND, resume=True, config=replace(EVERY_FRAME, min_distance_m=1.0))
    assert "without --resume" in caught.value.remedy
    assert digest(replaced.parent) == before
    assert append(replaced, THIRD).frames == 7
    assert beside(replaced) == []


def test_what_a_damaged_map_replaced_is_kept_and_the_command_brings_it_back(replaced: Path) -> None:
    (replaced / "frames.csv").write_text("torn")
    with pytest.raises(MapError, match=r"frames\.csv has 4 bytes.*what it replaced is still in") as caught:
        append(replaced, SECOND, resume=True)
    replaced.rename(replaced.parent / "damaged")
    subprocess.run(re.findall("`(mv [^`]+)`", caught.value.remedy)[0], shell=True, check=True)
    assert len(PlaceMap.open(replaced)) == 3


def test_a_build_that_still_tidies_up_is_left_alone(replaced: Path) -> None:
    before = digest(replaced.parent)
    with open_journal(replaced), pytest.raises(MapError, match="another build_map is writing"):
        append(replaced, SECOND, resume=True)
    assert digest(replaced.parent) == before


def test_a_link_is_replaced_and_what_it_points_at_is_kept(tmp_path: Path) -> None:
    behind = build_wall_map(tmp_path / "maps" / "one", FIRST).path
    (tmp_path / "map").symlink_to(behind)
    build_map(SECOND, PixelExtractor(), tmp_path / "map", REPLACE)
    assert (len(PlaceMap.open(tmp_path / "map")), len(PlaceMap.open(behind))) == (2, 3)
    assert beside(tmp_path / "map") == ["maps"]


# between the two steps


def test_the_message_of_a_missing_map_names_the_command_that_brings_it_back(between: Path) -> None:
    with pytest.raises(MapError, match=r"a build was interrupted while it replaced it") as caught:
        PlaceMap.open(between)
    subprocess.run(re.findall("`(mv [^`]+)`", caught.value.remedy)[0], shell=True, check=True)
    assert len(PlaceMap.open(between)) == 3
    assert append(between, SECOND, resume=True).frames == 5


def test_every_build_puts_the_map_back_first(between: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(MapError, match="Add --overwrite"):
        build_map(THIRD, PixelExtractor(), between, EVERY_FRAME)
    assert "the map is back in its place" in caplog.text
    assert len(PlaceMap.open(between)) == 3
    assert append(between, SECOND, resume=True).frames == 5
    assert beside(between) == []


def test_a_map_is_not_put_back_under_a_build_between_its_steps(between: Path) -> None:
    with open_journal(partial_path(between)), pytest.raises(MapError, match="another build_map is writing"):
        append(between, SECOND, resume=True)
    assert not between.exists() and len(PlaceMap.open(replaced_path(between))) == 3


def test_what_has_the_name_of_the_replaced_map_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "_exchange", lambda *_: False)
    output = build_wall_map(tmp_path / "map", FIRST).path
    foreign = build_wall_map(tmp_path / "foreign", THIRD).path.rename(replaced_path(output))
    with pytest.raises(MapError, match=r"\.map\.old is in the way of replacing") as caught:
        append(output, SECOND)
    assert "--resume" in caught.value.remedy
    assert (len(PlaceMap.open(output)), len(PlaceMap.open(foreign))) == (3, 2)
    foreign.rename(tmp_path / "kept")
    assert append(output, SECOND, resume=True).frames == 5


def test_the_command_says_that_nothing_is_left_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = write_drive(tmp_path / "first", 0.0, 2), write_drive(tmp_path / "second", 20.0, 3)
    output = ["--output", str(tmp_path / "map")]
    assert build_map_command.main([str(first), *output]) == 0
    assert build_map_command.main([str(second), *output, "--append"]) == 0
    assert "5 frames, 3 new" in capsys.readouterr().out
    assert build_map_command.main([str(second), *output, "--append", "--resume"]) == 0
    assert "nothing left to resume" in capsys.readouterr().out
    assert len(PlaceMap.open(tmp_path / "map")) == 5


def test_a_disk_that_is_full_until_the_end_leaves_no_lock(tmp_path: Path) -> None:
    partial = PartialMap(tmp_path / ".map.partial", 4, "float32", None)
    partial.open({"source": "wall"}, resume=False)
    descriptors = partial._arrays["descriptors.npy"]
    descriptors.close()
    descriptors._stream = Path("/dev/full").open("wb")  # noqa: SIM115 - PartialMap closes it
    descriptors._stream.write(b"what is left in the buffer")
    with pytest.raises(OSError, match="No space left"):
        partial.close()
    open_journal(tmp_path / ".map.partial").close()  # although *partial* is still there
