# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Sessions that are stale: named, taken out whole, or where a newer one shows the same again."""

from __future__ import annotations

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.errors import MapError
from vpr_ros.mapping import build_map
from vpr_ros.mapping.care.selection import selected
from vpr_ros.mapping.care.sessions import session_number, without_sessions, without_stale
from vpr_ros.maps import PlaceMap


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """0 to 4.5 m on Monday; 2 to 3 m on Tuesday; 0 to 4.5 m the other way on Wednesday."""
    folder = tmp_path_factory.mktemp("sessions") / "map"
    whole = [0.5 * number for number in range(10)]
    build_wall_map(folder, WallSource(whole, description="monday morning"))
    for source in (
        WallSource([2.0, 2.5, 3.0], description="tuesday morning"),
        WallSource(whole, yaw_rad=-np.pi / 2, description="wednesday"),
    ):
        build_map(source, PixelExtractor(), folder, EVERY_FRAME, append=True)
    return PlaceMap.open(folder)


def test_a_session_is_named_by_number_or_by_what_only_it_is_called(built: PlaceMap) -> None:
    assert [session_number(built, named) for named in ("0", "tuesday", "wed")] == [0, 1, 2]
    for named, found in (("3", "no session"), ("morning", "2 sessions"), ("", "no session"), ("sunday", "no session")):
        with pytest.raises(MapError, match=found) as caught:
            session_number(built, named)
        assert "0: monday morning; 1: tuesday morning; 2: wednesday" in caught.value.remedy


def test_what_is_left_is_numbered_anew(built: PlaceMap, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = selected(built, without_sessions(built, [0, 0])).write(tmp_path_factory.mktemp("new"))
    made.verify()
    assert [session.source for session in made.manifest.sessions] == ["tuesday morning", "wednesday"]
    np.testing.assert_array_equal(made.frames.session, [0] * 3 + [1] * 10)


def test_what_the_newer_session_shows_again_goes_and_what_it_passed_by_stays(built: PlaceMap) -> None:
    kept = without_stale(built, newer=1, within_m=0.6)
    gone = np.setdiff1d(np.arange(len(built)), kept)
    np.testing.assert_array_equal(built.frames.position_m[gone, 0], [1.5, 2.0, 2.5, 3.0, 3.5])
    assert set(built.frames.session[gone].tolist()) == {0}


def test_who_looked_the_other_way_replaces_nothing(built: PlaceMap) -> None:
    np.testing.assert_array_equal(without_stale(built, newer=2, within_m=5.0), np.arange(len(built)))
    np.testing.assert_array_equal(without_stale(built, newer=0, within_m=5.0), np.arange(len(built)))
