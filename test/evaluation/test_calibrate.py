# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A second drive is asked as the robot asks, kept in the manifest, and changes what the map states and promises."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from vpr_ros.core.errors import ConfigError, MapError
from vpr_ros.core.frames import FrameRecord, FrameSource
from vpr_ros.core.model_info import Extractor
from vpr_ros.evaluation.calibrate import (
    AskedDrive,
    CalibrateOptions,
    add_drive,
    ask_drive,
    check_new,
    remove_drive,
    uncalibrated,
)
from vpr_ros.evaluation.evaluate import EvaluationOptions, evaluate
from vpr_ros.evaluation.ground_truth import GroundTruthRule
from vpr_ros.evaluation.positives_by_distance import PoseThreshold
from vpr_ros.evaluation.trust_tables import lacking, promise_table, raised_note, restated_table
from vpr_ros.localization import Localizer
from vpr_ros.mapping import BuildConfig, build_map
from vpr_ros.mapping.journal import JOURNAL_NAME
from vpr_ros.mapping.transaction import partial_path
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.drive import Drive
from vpr_ros.maps.manifest import MapManifest
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.maps.other_maps import ASKED_THEMSELVES
from vpr_ros.maps.promise import Promise
from vpr_ros.maps.tally import Tally
from vpr_ros.sources.frame_range import FrameRange

TWO_METRES = GroundTruthRule(PoseThreshold(2.0))


def asked(extractor: Extractor, place_map: PlaceMap, drive: FrameSource, name: str = "second") -> AskedDrive:
    options = CalibrateOptions(TWO_METRES, name=name)
    return ask_drive(Localizer(extractor, uncalibrated(place_map)), drive, options)


@pytest.fixture
def copied(street_map: PlaceMap, tmp_path: Path) -> PlaceMap:
    return PlaceMap.open(Path(shutil.copytree(street_map.path, tmp_path / "map")))


def manifest_bytes(place_map: PlaceMap) -> bytes:
    return (place_map.path / "manifest.yaml").read_bytes()


def test_every_answer_is_counted_once(extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource) -> None:
    """30 queries between the map's frames, 10 of a street that is none of it."""
    drive = asked(extractor, street_map, second_drive).drive
    assert (drive.answers.answers, drive.answers.wrong_answers, drive.near_misses) == (40, 10, 0)
    assert sum(row.answers for row in drive.stated) == 40 and sum(row.right for row in drive.stated) == 30
    assert drive.answers.unproved_right == 30  # without local features nothing is proved
    assert lacking(drive.answers, 0.01) == "too few: 230 proved answers and none wrong are needed, there are 0"
    assert lacking(Tally.of(np.full(230, 100.0), np.zeros(230, bool)), 0.01) == "enough"


def test_a_near_miss_counts_as_right_for_a_promise_and_not_for_a_probability(
    extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource
) -> None:
    """Within 25 cm every second query has no frame; the one it finds lies 30 cm away."""
    options = CalibrateOptions(GroundTruthRule(PoseThreshold(0.25)), name="second")
    drive = ask_drive(Localizer(extractor, uncalibrated(street_map)), second_drive, options).drive
    assert (drive.near_misses, drive.answers.wrong_answers) == (15, 10)
    assert sum(row.right for row in drive.stated) == 15


def test_the_map_states_what_came_true_on_another_drive(
    extractor: Extractor, copied: PlaceMap, second_drive: FrameSource, third_drive: FrameSource
) -> None:
    before = evaluate(Localizer(extractor, copied), copied, third_drive, EvaluationOptions(TWO_METRES)).metrics
    found = asked(extractor, copied, second_drive)
    manifest = add_drive(copied.path, found.drive)
    assert manifest.drives == (found.drive,) and manifest.restated is not None
    opened = PlaceMap.open(copied.path)
    after = evaluate(Localizer(extractor, opened), opened, third_drive, EvaluationOptions(TWO_METRES)).metrics
    error = "expected_calibration_error"
    assert after["calibration"][error] < 0.6 * before["calibration"][error]
    assert after["recall_at"] == before["recall_at"]  # the order of answers stays
    again = asked(extractor, opened, second_drive).drive
    assert again.stated == found.drive.stated  # held against the map as it was built, whatever it has learned since
    assert restated_table(manifest).rows and promise_table(manifest).rows == ()  # keypoints alone prove anything
    assert "could not calibrate itself" not in "".join(map_warnings(opened))


def test_drives_accumulate_and_are_taken_out_again(
    extractor: Extractor, copied: PlaceMap, second_drive: FrameSource, third_drive: FrameSource
) -> None:
    one, two = asked(extractor, copied, second_drive), asked(extractor, copied, third_drive, "third")
    first = add_drive(copied.path, one.drive)
    both = add_drive(copied.path, two.drive)
    assert [drive.name for drive in both.drives] == ["second", "third"] and both.restated != first.restated
    left = remove_drive(copied.path, "third")
    assert (left.drives, left.restated) == (first.drives, first.restated)
    none = remove_drive(copied.path, "second")
    assert (none.drives, none.restated) == ((), None)
    assert PlaceMap.open(copied.path).manifest.calibration == copied.manifest.calibration
    with pytest.raises(MapError, match="no drive called 'second'; it has none"):
        remove_drive(copied.path, "second")


def test_a_drive_is_not_counted_twice(extractor: Extractor, copied: PlaceMap, second_drive: FrameSource) -> None:
    drive = asked(extractor, copied, second_drive).drive
    add_drive(copied.path, drive)
    kept = manifest_bytes(copied)
    with pytest.raises(MapError, match="these images already, as 'second'"):
        add_drive(copied.path, replace(drive, name="again"))
    with pytest.raises(MapError, match="a drive called 'second' already"):
        check_new(copied.path, "second")
    assert manifest_bytes(copied) == kept


def test_another_drive_may_count_its_images_alike(extractor: Extractor, copied: PlaceMap, second_drive: Any) -> None:
    night = replace(second_drive, drives=[replace(drive, noise=13.0) for drive in second_drive.drives])
    add_drive(copied.path, asked(extractor, copied, second_drive).drive)
    both = add_drive(copied.path, asked(extractor, copied, night, "night").drive)
    assert [drive.name for drive in both.drives] == ["second", "night"]


def test_an_easy_drive_that_raises_the_line_is_said_and_one_that_erred_is_not() -> None:
    asked_itself = Promise(left_out=Tally(unproved_wrong=50))
    own = asked_itself.vouched(0.01, 0.1)
    assert own is not None and asked_itself.counted(own) == ASKED_THEMSELVES[0.01].from_line_on(own.least_proof)
    easy = Drive("easy", "2026", Tally.of(np.array([180.0] * 40), np.zeros(40, bool)))
    erred = Drive("erred", "2026", Tally.of(np.array([180.0] * 400 + [120.0] * 2), np.arange(402) >= 400))
    calibrated = replace(asked_itself, drives=(easy,))
    line = calibrated.vouched(0.01, 0.1)
    assert line is not None and (line.least_proof, calibrated.counted(line)) == (180.0, (40, 0))
    note = raised_note(calibrated)
    assert f"from {own.least_proof:.0f} inliers on, with its drives it takes 180: 0 of the drives' answers" in note
    assert raised_note(replace(asked_itself, drives=(erred,))) == raised_note(asked_itself) == raised_note(None) == ""


def test_copies_of_an_image_count_once(extractor: Extractor, street_map: PlaceMap, second_drive: FrameSource) -> None:
    class Thrice(FrameRange):
        def __len__(self) -> int:
            return 3 * super().__len__()

        def __iter__(self) -> Iterator[FrameRecord]:
            for record in super().__iter__():
                for number in range(3):
                    yield replace(record, name=f"{number} {record.name}", stamp_ns=record.stamp_ns + number)

    once, thrice = (asked(extractor, street_map, drive) for drive in (second_drive, Thrice(second_drive)))
    assert (once.copies, thrice.copies) == (0, 80) and len(thrice.outcomes) == 40
    assert replace(thrice.drive, created_utc=once.drive.created_utc) == once.drive


def test_a_map_that_cannot_be_written_is_refused_before_it_is_asked(
    copied: PlaceMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(MapError, match=r"manifest.yaml cannot be written \(Read-only file system\)"):
        check_new(copied.path, "second")


def test_drives_that_are_added_at_once_are_all_kept(copied: PlaceMap) -> None:
    nights = [Drive(f"night {number}", "2026", Tally(), images_sha256=str(number)) for number in range(4)]
    with ThreadPoolExecutor(len(nights)) as pool:
        list(pool.map(lambda night: add_drive(copied.path, night), nights))
    assert {drive.name for drive in PlaceMap.open(copied.path).manifest.drives} == {night.name for night in nights}


def test_what_a_map_answered_is_not_kept_in_the_one_that_took_its_place(
    extractor: Extractor, copied: PlaceMap, second_drive: FrameSource, another_street: FrameSource
) -> None:
    drive = asked(extractor, copied, second_drive).drive
    build_map(another_street, extractor, copied.path, BuildConfig(), append=True)
    kept = manifest_bytes(copied)
    with pytest.raises(MapError, match="was changed while the drive was asked"):
        add_drive(copied.path, drive, copied.manifest)
    assert manifest_bytes(copied) == kept


def test_drives_that_teach_nothing_are_refused(
    extractor: Extractor,
    street_map: PlaceMap,
    poseless_drive: FrameSource,
    own_drive: FrameSource,
    drive_elsewhere: FrameSource,
    another_street: FrameSource,
) -> None:
    for drive, why in (
        (poseless_drive, "none of the 20 queries has a pose"),
        (drive_elsewhere, "none of the 2 images was taken at a place of the map, which reaches from 0.0 0.0 0.0 m"),
        (own_drive, "20 of 20 images are very images of the map"),
        (another_street, "not one of 6 answers is right"),
    ):
        with pytest.raises(ConfigError, match=why):
            asked(extractor, street_map, drive)
    for name in ("a\nb", "x" * 81):
        with pytest.raises(ConfigError, match="expected 80 printable characters"):
            CalibrateOptions(TWO_METRES, name=name)


def test_a_map_that_is_damaged_or_being_built_is_left_alone(
    extractor: Extractor, copied: PlaceMap, second_drive: FrameSource
) -> None:
    drive = asked(extractor, copied, second_drive).drive
    partial = partial_path(copied.path)
    partial.mkdir()
    (partial / JOURNAL_NAME).write_text("{}")
    kept = manifest_bytes(copied)
    with pytest.raises(MapError, match=r"a build of .* is going on"):
        add_drive(copied.path, drive)
    shutil.rmtree(partial)
    damaged = kept.replace(b"radius_m: ", b"radius_m: 1")
    (copied.path / "manifest.yaml").write_bytes(damaged)
    with pytest.raises(MapError, match="was changed since it was written"):
        add_drive(copied.path, drive)
    assert manifest_bytes(copied) == damaged


def test_another_model_is_refused(extractor: Extractor, street_map: PlaceMap) -> None:
    class Other(type(extractor)):  # type: ignore[misc]
        sha256 = "1" * 64

    with pytest.raises(MapError, match="was built with model"):
        Localizer(Other(), uncalibrated(street_map))


def test_a_map_before_this_has_no_drives(street_map: PlaceMap) -> None:
    manifest: MapManifest = street_map.manifest
    probabilities = np.array([0.2, 0.9])
    assert manifest.drives == () and manifest.restated is None
    np.testing.assert_array_equal(manifest.stated_now(probabilities), probabilities)


def test_a_map_that_is_added_to_says_that_its_drives_are_to_be_asked_again(
    extractor: Extractor,
    copied: PlaceMap,
    second_drive: FrameSource,
    another_street: FrameSource,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_drive(copied.path, asked(extractor, copied, second_drive).drive)
    build_map(another_street, extractor, copied.path, BuildConfig(), append=True)
    manifest = PlaceMap.open(copied.path).manifest
    assert (manifest.drives, manifest.restated) == ((), None)
    assert "ask them again (calibrate)" in caplog.text
