# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What ``inspect_map --places`` says: the least distinct places, what is confused with what, what is missing where."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vpr_ros.core.pose import PositionM
from vpr_ros.core.printable import printable
from vpr_ros.mapping.care.places import SECTORS, Place, PlaceStatistics

SHOWN = 5


def place_lines(found: PlaceStatistics) -> Iterator[str]:
    """The lines, for a map of any size a few."""
    places = found.places
    asked = sum(place.asked for place in places)
    right = sum(place.right for place in places)
    sample = "" if found.is_complete else f", of which {found.asked} were looked at as a sample"
    answers = f"without their neighbours {right} of {asked} are right"
    yield f"{len(places)} places of {found.frames} frames{sample}; {answers}"
    yield from _least_distinct(places)
    for one in found.confusions:
        inliers = "" if one.inliers is None else f", {one.inliers} keypoints agree"
        yield (
            f"alike: {_where(one.position_m[0])} {printable(one.names[0])} and {_where(one.position_m[1])} "
            f"{printable(one.names[1])}: cosine {one.similarity:.3f}{inliers}, the right place is "
            f"{abs(one.lead):.3f} {'ahead' if one.lead > 0 else 'behind'}"
        )
    yield from _missing(found)


def _least_distinct(places: tuple[Place, ...]) -> Iterator[str]:
    known = [place for place in places if place.lead is not None]
    if not known:
        yield "how distinct its places are is unknown: none has a neighbour and a rival to be asked for"
        return
    leads = np.array([place.lead for place in known])
    low, middle, high = np.quantile(leads, (0.05, 0.5, 0.95)).tolist()
    yield (
        f"distinct: the right frame is ahead of the best wrong one by {middle:.3f} (median), "
        f"{low:.3f} to {high:.3f} at nine of ten places"
    )
    for number in np.argsort(leads, kind="stable")[:SHOWN].tolist():
        place = known[number]
        yield (
            f"least distinct: {_where(place.position_m)} {printable(place.name)}: {place.frames} frames, "
            f"{place.right} of {place.asked} right, {leads[number]:+.3f}"
        )


def _missing(found: PlaceStatistics) -> Iterator[str]:
    headings = [place.headings for place in found.places if place.headings is not None]
    if headings:
        counts = np.bincount(headings, minlength=SECTORS + 1)
        one_way = int(counts[1])
        yield (
            f"headings: {np.mean(headings):.1f} of {SECTORS} sectors are seen at a place (mean); "
            f"{one_way} of {len(headings)} places are seen one way only"
        )
    for told, count in (("local features", found.without_local), ("a depth", found.without_depth)):
        if count:
            yield f"without {told}: {count} of {found.frames} frames"


def _where(position_m: PositionM) -> str:
    return "({:.1f} {:.1f} {:.1f})".format(*position_m)
