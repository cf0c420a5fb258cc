# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Building: gates, sessions, interruptions, and the map in place that no failure touches."""

from __future__ import annotations

import errno
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, SPACING_M, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.camera import CameraIntrinsics
from vpr_ros.core.errors import ConfigError, MapError, SourceError
from vpr_ros.core.frames import CameraMount, GeoDatum
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.mapping.usable_frames import NO_POSE, POSE_NOT_FINITE, TOO_CLOSE, UNDECODABLE
from vpr_ros.maps import PlaceMap


class PowerCut(BaseException):
    """Ends a build as nothing that is handled would."""


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.yaml")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def track(count: int, start_m: float = 0.0) -> list[float]:
    return [start_m + SPACING_M * number for number in range(count)]


def test_the_gate_thins_the_frames_and_says_so(tmp_path: Path) -> None:
    config = BuildConfig(min_distance_m=1.0, min_angle_rad=0.0, workers=1)
    report = build_map(WallSource(track(40)), PixelExtractor(), tmp_path / "map", config)
    assert (report.frames, report.added, report.skipped) == (20, 20, {TOO_CLOSE: 20})
    opened = PlaceMap.open(tmp_path / "map")
    np.testing.assert_allclose(np.diff(opened.frames.position_m[:, 0]), 1.0)
    assert opened.manifest.sessions[0].skipped == {TOO_CLOSE: 20}


@pytest.mark.slow
def test_batches_and_threads_do_not_change_the_map(tmp_path: Path) -> None:
    one = build_wall_map(tmp_path / "one", WallSource(track(30)))
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, batch_size=7, workers=3)
    other = build_wall_map(tmp_path / "other", WallSource(track(30)), config)
    np.testing.assert_allclose(one.descriptors, other.descriptors, atol=1e-6)
    np.testing.assert_array_equal(one.frames.position_m, other.frames.position_m)
    assert digest(one.path / "thumbnails") == digest(other.path / "thumbnails")


def test_half_precision_cannot_be_appended_to_full(tmp_path: Path) -> None:
    build_wall_map(tmp_path / "map")
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, dtype="float16", workers=1)
    with pytest.raises(MapError, match=r"holds float32.*Leave --float16 out"):
        build_map(WallSource(seed=3), PixelExtractor(), tmp_path / "map", config, append=True)
    assert len(PlaceMap.open(tmp_path / "map")) == 80


def test_float16_halves_the_file(tmp_path: Path) -> None:
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, dtype="float16", workers=1)
    opened = build_wall_map(tmp_path / "map", WallSource(track(30)), config)
    assert opened.descriptors.dtype == np.float16
    assert opened.search(opened.descriptors[4:5].astype(np.float32), 1).indices.tolist() == [[4]]


def test_torn_images_are_left_out_and_counted(tmp_path: Path) -> None:
    report = build_map(WallSource(track(30), fails_at=12), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert report.skipped == {UNDECODABLE: 1} and report.frames == 29
    assert "0012" not in PlaceMap.open(tmp_path / "map").frames.names


def test_progress_ends_at_the_end(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    build_map(
        WallSource(track(20)), PixelExtractor(), tmp_path / "map", EVERY_FRAME, progress=lambda *c: calls.append(c)
    )
    assert calls[-1] == (20, 20)
    assert [done for done, _ in calls] == list(range(1, 21))


def test_nothing_usable_leaves_nothing_behind(tmp_path: Path) -> None:
    source = WallSource([float("nan"), float("inf")])
    with pytest.raises(SourceError, match=f"none of 2 frames can be used \\(2 {POSE_NOT_FINITE}\\)") as caught:
        build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert "--poses" in caught.value.remedy and NO_POSE not in caught.value.problem
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [{"min_distance_m": -1.0}, {"batch_size": 0}, {"dtype": "int8"}, {"radius_m": 0.0}, {"workers": 0}],
)
def test_options_outside_their_bounds(options: dict[str, object]) -> None:
    name = next(iter(options))
    with pytest.raises(ConfigError, match=f"{name} is .*, expected"):
        BuildConfig(**options)  # type: ignore[arg-type]


# sessions


@pytest.mark.parametrize(("given_m", "later_m", "kept_m"), [(0.7, None, 0.7), (0.7, 0.9, 0.9), (None, None, 4.0)])
def test_a_given_radius_stays_when_a_session_is_added(
    given_m: float | None, later_m: float | None, kept_m: float, tmp_path: Path
) -> None:
    """Where nobody gave one it is chosen anew, by what the map has become: four times its spacing."""
    build_wall_map(tmp_path / "map", WallSource(track(8)), replace(EVERY_FRAME, radius_m=given_m))
    config = replace(EVERY_FRAME, radius_m=later_m)
    build_map(WallSource([20.0 + step for step in range(10)]), PixelExtractor(), tmp_path / "map", config, append=True)
    assert PlaceMap.open(tmp_path / "map").manifest.calibration.radius_m == pytest.approx(kept_m)


def test_a_second_session_is_added_behind_the_first(tmp_path: Path) -> None:
    first = build_wall_map(tmp_path / "map", WallSource(track(30)))
    report = build_map(WallSource(track(10, 20.0)), PixelExtractor(), tmp_path / "map", EVERY_FRAME, append=True)
    both = PlaceMap.open(tmp_path / "map")
    assert (report.frames, report.added) == (40, 10)
    assert both.frames.session.tolist() == [0] * 30 + [1] * 10
    np.testing.assert_array_equal(both.descriptors[:30], first.descriptors)
    assert len(both.manifest.sessions) == 2 and both.manifest.thumbnails == 40
    assert both.thumbnail(3) is not None and both.thumbnail(39) is not None


def test_a_camera_that_moved_becomes_another(tmp_path: Path) -> None:
    here, there = (CameraMount("cam", "", Pose((0.0, 0.0, z))) for z in (1.0, 2.0))
    build_wall_map(tmp_path / "map", WallSource(track(5), camera=here))
    for camera in (there, here):
        build_map(WallSource(track(5), camera=camera), PixelExtractor(), tmp_path / "map", EVERY_FRAME, append=True)
    opened = PlaceMap.open(tmp_path / "map")
    assert [camera.name for camera in opened.manifest.cameras] == ["cam", "cam (2)"]
    assert [opened.frames.camera(i) for i in (0, 5, 10)] == ["cam", "cam (2)", "cam"]


def test_a_camera_that_sees_differently_becomes_another(tmp_path: Path) -> None:
    before, after = (CameraMount("cam", intrinsics=CameraIntrinsics.from_fov(64, 48, fov)) for fov in (1.5, 1.0))
    build_wall_map(tmp_path / "map", WallSource(track(5), camera=before))
    for camera in (after, after):
        build_map(WallSource(track(5), camera=camera), PixelExtractor(), tmp_path / "map", EVERY_FRAME, append=True)
    cameras = PlaceMap.open(tmp_path / "map").manifest.cameras
    seen = [(camera.name, camera.intrinsics) for camera in cameras]
    assert seen == [("cam", before.intrinsics), ("cam (2)", after.intrinsics)]


def test_sessions_with_other_origins_meet_on_earth(tmp_path: Path) -> None:
    south, north = GeoDatum(48.0, 11.0, 0.0), GeoDatum(48.0001, 11.0, 0.0)
    build_wall_map(tmp_path / "map", WallSource(track(5), datum=south))
    build_map(WallSource(track(5), datum=north), PixelExtractor(), tmp_path / "map", EVERY_FRAME, append=True)
    opened = PlaceMap.open(tmp_path / "map")
    assert opened.manifest.datum == south
    assert opened.frames.position_m[5, 1] == pytest.approx(11.12, abs=0.02)


@pytest.mark.parametrize(
    ("source", "extractor", "words"),
    [
        (WallSource(), PixelExtractor(seed=1), "was built with model"),
        (WallSource(map_frame_id="odom"), PixelExtractor(), "'map'.*'odom'"),
        (WallSource(datum=GeoDatum(1.0, 2.0, 3.0)), PixelExtractor(), "no GPS origin.*GPS origin 1.000000"),
    ],
)
def test_a_session_that_does_not_fit_is_refused(
    tmp_path: Path, source: WallSource, extractor: PixelExtractor, words: str
) -> None:
    path = build_wall_map(tmp_path / "map", WallSource(track(5))).path
    before = digest(path)
    with pytest.raises(MapError, match=words) as caught:
        build_map(source, extractor, path, EVERY_FRAME, append=True)
    assert caught.value.remedy
    assert digest(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["map"]


def test_no_map_is_put_into_another_one(tmp_path: Path) -> None:
    place = build_wall_map(tmp_path / "map", WallSource(track(2))).path
    with pytest.raises(MapError, match="lies inside the map") as caught:
        build_wall_map(place / "deep" / "inner", WallSource(track(2)))
    assert str(tmp_path / "inner") in caught.value.remedy and not (place / "deep").exists()
    build_wall_map(place / ".." / "beside", WallSource(track(2)))


def test_what_stands_at_the_output_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = build_wall_map(tmp_path / "map", WallSource(track(5))).path
    with pytest.raises(MapError, match="--overwrite"):
        build_map(WallSource(), PixelExtractor(), path, EVERY_FRAME)
    with pytest.raises(MapError, match="nothing can be added"):
        build_map(WallSource(), PixelExtractor(), tmp_path / "none", EVERY_FRAME, append=True)
    overwriting = replace(EVERY_FRAME, overwrite=True)
    build_map(WallSource(track(7)), PixelExtractor(), path, overwriting)
    assert len(PlaceMap.open(path)) == 7
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(MapError, match="is not a map, so it is not replaced"):
        build_map(WallSource(), PixelExtractor(), tmp_path / "mine", overwriting)


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_empty_folder_is_filled(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "map").mkdir()
    build_map(WallSource(track(7)), PixelExtractor(), tmp_path / "map", replace(EVERY_FRAME, overwrite=overwrite))
    assert len(PlaceMap.open(tmp_path / "map")) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["map"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(MapError, match="mine exists and is not a map"):
        build_map(WallSource(), PixelExtractor(), tmp_path / "mine", EVERY_FRAME)


@pytest.mark.parametrize("target", ["empty", "absent/map"])
def test_a_link_to_nothing_is_where_the_map_is_made(tmp_path: Path, target: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "map").symlink_to(target)
    build_map(WallSource(track(7)), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert (tmp_path / "map").is_symlink()
    assert len(PlaceMap.open(tmp_path / target)) == 7
    (tmp_path / "self").symlink_to("self")
    with pytest.raises(MapError, match="self is a link that leads to itself"):
        build_map(WallSource(), PixelExtractor(), tmp_path / "self", EVERY_FRAME)


def test_a_session_is_added_to_the_map_behind_a_link(tmp_path: Path) -> None:
    behind = build_wall_map(tmp_path / "maps" / "one", WallSource(track(5))).path
    (tmp_path / "map").symlink_to("maps/one")
    report = build_map(WallSource(track(3, 20.0)), PixelExtractor(), tmp_path / "map", EVERY_FRAME, append=True)
    assert (report.frames, report.added, report.path) == (8, 3, behind)
    assert (tmp_path / "map").is_symlink()
    assert len(PlaceMap.open(behind)) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map", "maps"]
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["one"]


def test_runs_that_share_a_batch_give_the_same_map(tmp_path: Path, wall_map: PlaceMap) -> None:
    config = replace(EVERY_FRAME, networks=3)
    source = WallSource(fails_at=41, failure=PowerCut())
    with pytest.raises(PowerCut):
        build_map(source, PixelExtractor(), tmp_path / "map", config)
    report = build_map(WallSource(), PixelExtractor(), tmp_path / "map", config, resume=True)
    assert (report.resumed, report.frames) == (36, len(wall_map))  # 3 runs of 2 images are written at a time
    assert digest(tmp_path / "map") == digest(wall_map.path)


# interruptions


def cut(output: Path, at: int, *, append: bool = False, config: BuildConfig = EVERY_FRAME) -> None:
    """Build until the power fails at record *at*."""
    with pytest.raises(PowerCut):
        build_map(WallSource(fails_at=at, failure=PowerCut()), PixelExtractor(), output, config, append=append)


@pytest.mark.slow
@pytest.mark.parametrize("link", [False, True])
def test_an_interrupted_append_is_resumed_by_the_link_or_by_the_folder(tmp_path: Path, link: bool) -> None:
    behind = build_wall_map(tmp_path / "one", WallSource(track(5))).path
    (tmp_path / "map").symlink_to("one")
    cut(tmp_path / "map", 70, append=True)
    names = (behind, tmp_path / "map")
    report = build_map(WallSource(), PixelExtractor(), names[link], EVERY_FRAME, append=True, resume=True)
    assert report.resumed > 0
    assert len(PlaceMap.open(behind)) == len(PlaceMap.open(tmp_path / "map")) == report.frames
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map", "one"]


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 3, 41, 79])
def test_a_resumed_build_is_the_map_of_one_piece(tmp_path: Path, wall_map: PlaceMap, at: int) -> None:
    output = tmp_path / "map"
    cut(output, at)
    assert not output.exists()
    report = build_map(WallSource(), PixelExtractor(), output, EVERY_FRAME, resume=True)
    assert report.resumed == at // 8 * 8
    assert digest(output) == digest(wall_map.path)
    assert PlaceMap.open(output).manifest.calibration == wall_map.manifest.calibration


def test_what_the_crash_left_half_written_is_cut_off(tmp_path: Path, wall_map: PlaceMap) -> None:
    cut(tmp_path / "map", 41)
    partial = partial_path(tmp_path / "map")
    with (partial / "descriptors.npy").open("ab") as stream:
        stream.write(b"half a row" * 2000)  # more than what is left to write
    with (partial / "journal.jsonl").open("ab") as stream:
        stream.write(b'{"rows": [[1, 2')
    build_map(WallSource(), PixelExtractor(), tmp_path / "map", EVERY_FRAME, resume=True)
    assert digest(tmp_path / "map") == digest(wall_map.path)


def test_an_interrupted_build_is_not_thrown_away_unasked(tmp_path: Path) -> None:
    cut(tmp_path / "map", 41)
    with pytest.raises(MapError, match="interrupted build") as caught:
        build_map(WallSource(), PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert "--resume" in caught.value.remedy and "--overwrite" in caught.value.remedy


def test_other_inputs_cannot_finish_it(tmp_path: Path) -> None:
    cut(tmp_path / "map", 41)
    other = BuildConfig(min_distance_m=1.0, min_angle_rad=0.0, workers=1)
    with pytest.raises(MapError, match=r"min_distance_m was 0\.0, is 1\.0"):
        build_map(WallSource(), PixelExtractor(), tmp_path / "map", other, resume=True)
    with pytest.raises(MapError, match="model_sha256 was"):
        build_map(WallSource(), PixelExtractor(seed=1), tmp_path / "map", EVERY_FRAME, resume=True)
    namesake = WallSource([along_m + 1.0 for along_m in WallSource().along_m])
    with pytest.raises(MapError, match="other inputs: records_sha256 was") as caught:
        build_map(namesake, PixelExtractor(), tmp_path / "map", EVERY_FRAME, resume=True)
    assert "--overwrite instead of --resume" in caught.value.remedy
    again = replace(EVERY_FRAME, overwrite=True)
    assert build_map(namesake, PixelExtractor(), tmp_path / "map", again).frames == 80


def test_a_partial_map_that_lost_rows_says_so(tmp_path: Path) -> None:
    cut(tmp_path / "map", 41)
    path = partial_path(tmp_path / "map") / "descriptors.npy"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(MapError, match="has 500 bytes, its journal says 15488") as caught:
        build_map(WallSource(), PixelExtractor(), tmp_path / "map", EVERY_FRAME, resume=True)
    assert "--overwrite instead of --resume" in caught.value.remedy
    again = replace(EVERY_FRAME, overwrite=True)
    assert build_map(WallSource(), PixelExtractor(), tmp_path / "map", again).frames == 80


@pytest.mark.slow
@pytest.mark.parametrize("append", [False, True])
def test_a_failed_build_leaves_the_map_in_place_whole(tmp_path: Path, append: bool) -> None:
    path = build_wall_map(tmp_path / "map", WallSource(track(30))).path
    before = digest(path)
    config = BuildConfig(min_distance_m=0.0, min_angle_rad=0.0, workers=1, overwrite=not append)
    cut(path, 41, append=append, config=config)
    assert digest(path) == before
    PlaceMap.open(path).verify()
    report = build_map(WallSource(), PixelExtractor(), path, config, append=append, resume=True)
    assert report.frames == (110 if append else 80) and report.resumed == 40


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    source = WallSource(fails_at=41, failure=OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(MapError, match="the disk is full") as caught:
        build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME)
    assert "--resume" in caught.value.remedy


@pytest.mark.slow
def test_an_interrupted_append_is_resumed_or_given_up_without_the_map(tmp_path: Path) -> None:
    """What the message advises is done here: neither way loses the map."""
    build_wall_map(tmp_path / "map", WallSource(track(20)))
    second = WallSource(track(20), seed=4)
    stops = replace(second, fails_at=12, failure=PowerCut("now"))
    config = replace(EVERY_FRAME, batch_size=4)
    with pytest.raises(PowerCut):
        build_map(stops, PixelExtractor(), tmp_path / "map", config, append=True)
    with pytest.raises(
        MapError, match=r"was to add a session to the map\. .*add --append\. --append --overwrite gives it up"
    ):
        build_map(second, PixelExtractor(), tmp_path / "map", config, resume=True)
    given_up = tmp_path / "given_up"
    given_up.mkdir()
    for folder in ("map", partial_path(tmp_path / "map").name):
        shutil.copytree(tmp_path / folder, given_up / folder)
    over = replace(config, overwrite=True)
    assert build_map(second, PixelExtractor(), given_up / "map", over, append=True).frames == 40
    assert build_map(second, PixelExtractor(), tmp_path / "map", config, append=True, resume=True).frames == 40
    assert [len(PlaceMap.open(base / "map").manifest.sessions) for base in (tmp_path, given_up)] == [2, 2]
