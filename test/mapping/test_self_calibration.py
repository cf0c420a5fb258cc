# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a map finds out about itself, held against questions it has never seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map, paint, view
from scipy.spatial.transform import Rotation

from vpr_ros.core.evidence import match_evidence
from vpr_ros.core.frames import FrameRecord, ImageRgb
from vpr_ros.mapping import build_map
from vpr_ros.mapping.augment import augmented
from vpr_ros.mapping.held_out import ALONG_PER_ACROSS, BESIDE_TRACK, HeldOut
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.map_warnings import calibration_warning, map_warnings
from vpr_ros.maps.spacing import median_spacing_m


def probability(place_map: PlaceMap, image_rgb: ImageRgb) -> tuple[float, float]:
    """Stated probability, and where the best match lies."""
    found = place_map.search(PixelExtractor().describe(image_rgb), 20)
    position_m = place_map.frames.position_m[found.indices[0]]
    calibration = place_map.manifest.calibration
    evidence = match_evidence(found.similarities[0], position_m, calibration.radius_m)
    return float(calibration.probability(evidence)[0]), float(position_m[0, 0])


def test_it_was_fitted_on_right_and_wrong_answers(wall_map: PlaceMap) -> None:
    calibration = wall_map.manifest.calibration
    assert calibration.kind == "held_out"
    assert calibration.samples_right >= 8 and calibration.samples_wrong >= 8


def test_a_small_map_admits_that_it_does_not_know(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    small = build_wall_map(tmp_path / "map", WallSource([0.5 * i for i in range(19)]))
    assert small.manifest.calibration.kind == "default"
    said = f"warning: {calibration_warning(small)}"
    assert caplog.messages == [said]
    assert "could not calibrate itself (19 frames gave 0 right and 0 wrong answers, 8 of each" in said
    assert "refuses most right answers" in said and "build_map --append" in said


def test_a_map_of_one_place_says_what_it_lacks(tmp_path: Path) -> None:
    """Nobody can answer wrongly where there is no other place."""
    room = build_wall_map(tmp_path / "map", WallSource([0.01 * i for i in range(40)]))
    calibration = room.manifest.calibration
    assert calibration.kind == "default" and calibration.samples_right >= 8 > calibration.samples_wrong
    assert f"40 frames gave {calibration.samples_right} right and" in calibration_warning(room)


def test_a_map_that_calibrated_itself_has_nothing_to_say(wall_map: PlaceMap) -> None:
    assert map_warnings(wall_map) == ()


@pytest.mark.slow
def test_a_resumed_build_knows_names_with_any_white_space_again(tmp_path: Path) -> None:
    """The journal keeps names as the table does, with plain single spaces."""

    class OddNames(WallSource):
        def __iter__(self) -> Iterator[FrameRecord]:
            return (replace(record, name=f"shot\u202f{record.name}  PM") for record in super().__iter__())

    class PowerCut(BaseException):
        pass

    source = OddNames(fails_at=60, failure=PowerCut())
    with pytest.raises(PowerCut):
        build_wall_map(tmp_path / "map", source)
    source.fails_at = None
    build_map(source, PixelExtractor(), tmp_path / "map", EVERY_FRAME, resume=True)
    whole = build_wall_map(tmp_path / "whole", OddNames())
    assert PlaceMap.open(tmp_path / "map").manifest.calibration == whole.manifest.calibration
    assert whole.manifest.calibration.kind == "held_out"


def test_places_on_the_map_are_likelier_than_places_off_it(wall_map: PlaceMap) -> None:
    places = np.linspace(1.1, 37.3, 25)
    here = [probability(wall_map, view(paint(), along_m)) for along_m in places]
    elsewhere = [probability(wall_map, view(paint(seed), along_m))[0] for seed in range(5, 11) for along_m in places]
    assert np.abs(np.array([x for _, x in here]) - places).max() < wall_map.manifest.calibration.radius_m
    assert np.mean([p >= 0.5 for p, _ in here]) >= 0.9
    assert np.mean([p >= 0.5 for p in elsewhere]) <= 0.05


def test_the_same_map_is_calibrated_the_same(tmp_path: Path, wall_map: PlaceMap) -> None:
    assert build_wall_map(tmp_path / "map").manifest.calibration == wall_map.manifest.calibration


def held_out(place_map: PlaceMap, radius_m: float = 2.0) -> HeldOut:
    calibration = replace(place_map.manifest.calibration, radius_m=radius_m)
    manifest = replace(place_map.manifest, calibration=calibration)
    return HeldOut(PlaceMap(place_map.path, manifest, place_map.frames, place_map.descriptors, None), 0.5)


def test_a_stored_map_asks_itself_what_it_always_asked() -> None:
    stored = Path(__file__).resolve().parents[1] / "data" / "format_1"
    place_map = PlaceMap.open(stored / "map")
    rows = np.arange(len(place_map))
    answers = HeldOut(place_map, median_spacing_m(place_map.frames)).ask(rows, np.array(place_map.descriptors))
    with np.load(stored / "held_out.npz", allow_pickle=False) as before:
        for name in ("known", "right", "unknown"):
            np.testing.assert_allclose(getattr(answers, name), before[name], atol=1e-5)


def test_a_frame_does_not_answer_for_itself(wall_map: PlaceMap) -> None:
    rows = np.arange(10, 70)
    answers = held_out(wall_map).ask(rows, wall_map.descriptors[rows].astype(np.float32))
    assert len(answers.right) == 60 and answers.right.mean() > 0.9
    assert (answers.known[:, 0] < 0.999).all()  # cosine with itself would be 1
    assert (answers.errors.log_drop < np.log(0.7)).all()  # from cosine 1 it would fall farther
    assert (
        np.sqrt(answers.errors.squared[:, 0]) < 2.2
    ).all()  # the best within 2 m, those it is averaged with about it
    assert (answers.errors.squared[:, 1:3] == 0).all()  # the track is straight


def test_beside_the_track_errors_grow_and_similarity_falls(wall_map: PlaceMap) -> None:
    rows = np.arange(4, 76)
    errors = held_out(wall_map).ask(rows, wall_map.descriptors[rows].astype(np.float32)).errors
    order = np.argsort(errors.log_drop)
    unlike, alike = order[: len(order) // 4], order[-len(order) // 4 :]
    assert errors.log_drop[alike].mean() > errors.log_drop[unlike].mean() + 0.2
    assert errors.squared[unlike, 0].mean() > 4 * errors.squared[alike, 0].mean()


def test_a_robot_beside_the_track_has_all_mapped_frames_on_one_side(wall_map: PlaceMap) -> None:
    rows = np.arange(10, 70)
    errors = held_out(wall_map).ask(rows, wall_map.descriptors[rows].astype(np.float32)).errors
    off_m = np.sqrt(errors.squared[:, 0])
    on_track = off_m < 0.2  # every fourth question; the others leave out 0.5, 1.0 and 1.5 m on either side
    assert 0.2 < on_track.mean() < 0.4
    assert (off_m[~on_track] > 0.9).all()  # the average of both sides would be nearly right


def test_a_map_knows_that_an_unlike_answer_is_less_certain(wall_map: PlaceMap) -> None:
    residual = wall_map.manifest.calibration.residuals.horizontal_m
    assert residual.growth > 0
    assert residual.after(0.2) > 1.3 * residual.after(-0.2)


def test_an_answer_from_elsewhere_is_wrong(wall_map: PlaceMap) -> None:
    rows = np.arange(80)
    strangers = np.concatenate([PixelExtractor().describe(view(paint(seed=5), 0.5 * i)) for i in rows])
    answers = held_out(wall_map).ask(rows, strangers)
    assert answers.right.mean() < 0.3


def test_unknown_places_are_asked_without_their_neighbourhood(wall_map: PlaceMap) -> None:
    rows = np.arange(80)
    queries = wall_map.descriptors[rows].astype(np.float32)
    answers = held_out(wall_map).ask(rows, queries)
    assert len(answers.unknown) == 80
    dense = held_out(wall_map, 0.9).ask(rows, queries).unknown
    assert np.median(dense[::2, 0]) > 1.2 * np.median(dense[1::2, 0])  # just outside the radius, and further outside
    assert answers.unknown[:, 0].max() < np.median(answers.known[:, 0])
    assert len(held_out(wall_map, 38.0).ask(rows, queries).unknown) == 0  # nothing lies that far away


@pytest.mark.parametrize("seed", [0, 1])
def test_a_retaken_image_is_another_image_of_the_same_place(seed: int) -> None:
    image = view(paint(), 8.0)
    before = image.copy()
    other = augmented(image, np.random.default_rng(seed))
    assert other.shape == image.shape and other.dtype == np.uint8
    assert not np.array_equal(other, image)
    np.testing.assert_array_equal(image, before)
    extractor = PixelExtractor()
    here = extractor.describe(image)[0]
    assert extractor.describe(other)[0] @ here > extractor.describe(view(paint(), 20.0))[0] @ here


def test_a_torn_image_is_not_asked_about(tmp_path: Path, wall_map: PlaceMap) -> None:
    """A picture that is read while building and torn when it is read again."""

    read: list[str] = []

    class TornTheSecondTime(WallSource):
        def __iter__(self) -> Iterator[FrameRecord]:
            for number, record in enumerate(super().__iter__()):
                yield record if number else replace(record, load_image=partial(self._load, record))

        def _load(self, record: FrameRecord) -> ImageRgb:
            read.append(record.name)
            if len(read) > 1:
                raise self.failure
            return record.load_image()

    opened = build_wall_map(tmp_path / "map", TornTheSecondTime())
    assert len(opened) == 80 and len(read) == 2
    calibration, whole = opened.manifest.calibration, wall_map.manifest.calibration
    assert calibration.kind == "held_out"
    assert calibration.samples_right + calibration.samples_wrong < whole.samples_right + whole.samples_wrong


@pytest.mark.parametrize(("looks_along_rad", "share"), [(0.0, 1 / ALONG_PER_ACROSS), (np.pi / 2, 1.0)])
def test_a_gap_ahead_stands_for_less_beside(tmp_path: Path, looks_along_rad: float, share: float) -> None:
    """Frames along x whose cameras look ahead or to the side: the poses are those of the optical frames."""
    wall = build_wall_map(tmp_path / "map")
    ahead = Rotation.from_euler("yz", [np.pi / 2, looks_along_rad]).as_quat()
    frames = replace(wall.frames, quat_xyzw=np.tile(ahead, (len(wall), 1)))
    asked = HeldOut(PlaceMap(wall.path, wall.manifest, frames, wall.descriptors, None), 0.5)
    rows = np.arange(20, 60)
    errors = asked.ask(rows, wall.descriptors[rows].astype(np.float32)).errors
    farthest_m = float(np.sqrt(errors.squared[:, 0].max()))
    gaps_m = max(BESIDE_TRACK) * wall.manifest.calibration.radius_m
    assert share * gaps_m * 0.5 < farthest_m < share * (gaps_m + 0.5) + 0.5
