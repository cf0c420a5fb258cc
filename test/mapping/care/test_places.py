# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Statistics of places: two that look alike are named, what is missing is counted, a large map is sampled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from painted_wall import EVERY_FRAME, GridFeatures, PixelExtractor, WallSource, build_wall_map

from vpr_ros.core.frames import FrameRecord
from vpr_ros.core.pose import Pose
from vpr_ros.mapping import build_map
from vpr_ros.mapping.care import places
from vpr_ros.mapping.care.places import place_statistics
from vpr_ros.maps import PlaceMap


class Twice(WallSource):
    """A wall whose first ten metres are painted again 30 m on."""

    def __iter__(self) -> Iterator[FrameRecord]:
        yield from super().__iter__()
        for record in list(super().__iter__())[:20]:
            assert record.T_map_base is not None
            x_m, y_m, z_m = record.T_map_base.position_m
            pose = Pose((x_m + 30.0, y_m, z_m), record.T_map_base.quat_xyzw)
            yield replace(record, stamp_ns=record.stamp_ns + 10**12, name=f"again_{record.name}", T_map_base=pose)

    def __len__(self) -> int:
        return len(self.along_m) + 20


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> PlaceMap:
    """60 frames, of which 20 look as if taken elsewhere; with local features."""
    folder = tmp_path_factory.mktemp("alike") / "map"
    source = Twice([0.5 * number for number in range(40)])
    build_map(source, PixelExtractor(), folder, EVERY_FRAME, local_model=GridFeatures())
    return PlaceMap.open(folder)


def test_places_that_look_alike_are_named_with_where_they_are(alike: PlaceMap) -> None:
    found = place_statistics(alike)
    worst = found.confusions[0]
    assert {name.startswith("again_") for name in worst.names} == {True, False}
    apart = np.subtract(*worst.position_m)
    assert abs(apart[0]) == pytest.approx(30.0, abs=1.0)
    assert worst.lead < 0 and worst.similarity > 0.9 and worst.inliers is not None
    assert len({names for one in found.confusions for names in [one.names]}) == len(found.confusions) <= 5


def test_each_place_is_counted_once(alike: PlaceMap) -> None:
    found = place_statistics(alike)
    assert sum(place.frames for place in found.places) == len(alike) == found.frames
    assert found.is_complete and all(place.headings == 1 for place in found.places)
    lost = [place for place in found.places if place.position_m[0] < 8.0]
    distinct = [place for place in found.places if 12.0 < place.position_m[0] < 18.0]
    assert max(place.right for place in lost) < min(place.right for place in distinct)
    assert (found.without_local, found.without_depth) == (0, 60)


def test_a_large_map_is_sampled(alike: PlaceMap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_ASKED", 10)
    found = place_statistics(alike)
    assert (found.asked, found.is_complete) == (10, False)
    assert sum(place.asked for place in found.places) <= 10


def test_a_map_of_one_place_has_no_rivals(tmp_path: Path) -> None:
    found = place_statistics(build_wall_map(tmp_path / "map", WallSource([0.0, 0.1], yaw_rad=None)))
    (place,) = found.places
    assert (place.frames, place.lead, place.headings, place.asked) == (2, None, None, 0)
    assert found.confusions == () and found.without_local == 2
