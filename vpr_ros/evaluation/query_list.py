# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is known of the queries before the first image is decoded: names, and true poses in the map's frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.frames import FrameSource, GeoDatum
from vpr_ros.core.pose import Pose, PositionM
from vpr_ros.maps import PlaceMap
from vpr_ros.maps.geo_frames import move_to_datum
from vpr_ros.maps.map_frame import describe_frames, lies_in


@dataclass(frozen=True, eq=False)
class QueryList:
    """Q queries in the order of their source.

    Attributes:
        names: (Q,) names within the source.
        poses: (Q,) true ``T_map_base`` in the map's frame, None where nobody knows.
    """

    names: tuple[str, ...]
    poses: tuple[Pose | None, ...]

    def __len__(self) -> int:
        return len(self.names)


def list_queries(
    queries: FrameSource,
    place_map: PlaceMap,
    needs_poses: bool,
    limit: int | None = None,
    *,
    frame_named: bool = False,
) -> QueryList:
    """List the first *limit* records of *queries*.

    Poses relative to another GPS origin are moved to the map's, and all to the map's own zero where it has one. Poses
    in a frame of another name cannot be compared with the map: they are an error where *needs_poses*, and unknown
    otherwise; *frame_named* as in ``lies_in``.

    Raises:
        ConfigError: no pose, or no comparable pose, where they are needed.
    """
    rows = [(record.name, record.T_map_base) for record in islice(queries, limit)]
    names, poses = tuple(name for name, _ in rows), [pose for _, pose in rows]
    old, new = queries.datum, place_map.manifest.datum
    in_one_frame = lies_in(queries.map_frame_id, place_map.manifest, named=frame_named)
    comparable = in_one_frame and (old is None) == (new is None)
    known = any(pose is not None for pose in poses)
    if needs_poses and not known:
        raise ConfigError(
            f"none of the {len(names)} queries has a pose, so nobody knows which match is right",
            "Give --poses FILE, --positives CSV or --frame-window N",
        )
    if needs_poses and not comparable:
        raise ConfigError(
            f"the queries' poses are in frame {_frame(repr(queries.map_frame_id), old)}, "
            f"the map's in {_frame(describe_frames(place_map.manifest), new)}",
            f"Give poses in the map's frame (--map-frame {place_map.manifest.frame_id} says that they are, "
            "beside --pose-topic or --poses), or --positives CSV",
        )
    origin_m = place_map.manifest.origin_m
    return QueryList(names, tuple(_moved(pose, old, new, origin_m) if comparable else None for pose in poses))


def _moved(pose: Pose | None, old: GeoDatum | None, new: GeoDatum | None, origin_m: PositionM | None) -> Pose | None:
    if pose is None:
        return None
    return (pose if old is None or new is None else move_to_datum(pose, old, new)).seen_from(origin_m)


def _frame(frame: str, datum: GeoDatum | None) -> str:
    return f"{frame} ({'metric' if datum is None else 'GPS'})"
