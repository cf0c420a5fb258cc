# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two maps of one frame become one: sessions of both, cameras joined by name and mount, features of one local model."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from vpr_ros.core.command import program
from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.append_base import base_rows, in_base_frame, merge_cameras
from vpr_ros.mapping.care.contradiction import check_overlap, overlap_text
from vpr_ros.mapping.care.new_map import NewMap, Part
from vpr_ros.mapping.care.recalibrate import of_all
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.grid_alignment import GridAlignment
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.manifest import MapManifest
from vpr_ros.maps.map_frame import describe_frames, drift_warning, lies_in, recorded_frames
from vpr_ros.maps.place_map import PlaceMap

_LOG = logging.getLogger(__name__)
OF_THE_MODEL: Final = ("sha256", "preprocessing", "descriptor_dim", "cross_image")


def merged(maps: Sequence[PlaceMap], frame_id: str | None = None, *, trust_poses: bool = False) -> NewMap:
    """The map of all frames of both *maps*, in the frame of the first.

    Args:
        maps: two of them.
        frame_id: somebody says that both are in this frame, whatever their own are called.
        trust_poses: see ``check_overlap``.

    Raises:
        MapError: they were made by different models, are not in one frame, have a session in common, or contradict
            each other.
    """
    base, other = maps
    _check_same_model(base, other)
    _check_frames(base, other, frame_id)
    _check_sessions(base, other)
    manifest = base.manifest
    poses = [_in_frame_of(manifest, other.manifest, other.pose(row)) for row in range(len(other))]
    radius_m = max(one.manifest.calibration.radius_m for one in maps)
    overlap = check_overlap(base, other, poses, radius_m, trust_poses=trust_poses)
    _LOG.warning(
        "%s", overlap_text(overlap) if overlap else "too few places are in both to see whether the frames agree"
    )
    cameras, number_of = _joined_cameras(base, other)
    parts = (
        Part(base, np.arange(len(base)), tuple(base_rows(base))),
        Part(other, np.arange(len(other)), tuple(_lines(base, other, poses, number_of))),
    )
    calibration = replace(manifest.calibration, radius_m=radius_m)
    new = replace(
        manifest,
        frame_id=frame_id or manifest.frame_id,
        dtype="float32" if "float32" in (manifest.dtype, other.manifest.dtype) else "float16",
        sessions=(*manifest.sessions, *other.manifest.sessions),
        cameras=cameras,
        local=_joined_local(base, other, cameras, number_of),
        calibration=calibration,
        grid=_joined_grid(manifest, other.manifest),
    )
    if warning := drift_warning(new):
        _LOG.warning("warning: %s", warning)
    return NewMap(parts, new, partial(of_all, earlier=[one.manifest for one in maps]))


def _check_same_model(base: PlaceMap, other: PlaceMap) -> None:
    one, two = base.manifest.model, other.manifest.model
    differ = [name for name in OF_THE_MODEL if getattr(one, name) != getattr(two, name)]
    if differ:
        raise MapError(
            f"map {base.path} was built with {one.name} {one.version} ({one.sha256[:12]}), map {other.path} with "
            f"{two.name} {two.version} ({two.sha256[:12]}): they differ in {', '.join(differ)}",
            "Build one of them again with the model of the other: their descriptors cannot be compared",
        )


def _check_frames(base: PlaceMap, other: PlaceMap, named: str | None) -> None:
    one, two = base.manifest, other.manifest
    if (one.datum is None) != (two.datum is None):
        with_one, without = (base, other) if two.datum is None else (other, base)
        raise MapError(
            f"map {with_one.path} knows where on Earth it is, map {without.path} does not",
            "Build both from GPS poses, or both from poses in one metric frame",
        )
    in_one = one.frame_id == two.frame_id and any(lies_in(frame, one, named=False) for frame in recorded_frames(two))
    if one.datum is None and named is None and not in_one:
        raise MapError(
            f"map {base.path} is in frame {describe_frames(one)}, map {other.path} in {describe_frames(two)}",
            f"Merge maps of one frame. If both are in one, say which: --map-frame {one.frame_id}",
        )


def _check_sessions(base: PlaceMap, other: PlaceMap) -> None:
    if base.path.samefile(other.path):
        raise MapError(f"{base.path} and {other.path} are one map", "Give two maps")
    known = {session.inputs_sha256: number for number, session in enumerate(base.manifest.sessions)}
    if all(session.inputs_sha256 in known for session in other.manifest.sessions if session.inputs_sha256):
        remedy = "There is nothing to merge: give a map with another session"
    else:
        remedy = f"Take it out first: `{program('edit_map')} drop {shlex.quote(str(other.path))} NUMBER --output NEW`"
    for number, session in enumerate(other.manifest.sessions):
        if session.inputs_sha256 and session.inputs_sha256 in known:
            raise MapError(
                f"session {number} of map {other.path}, {session.source!r}, is session "
                f"{known[session.inputs_sha256]} of map {base.path} too",
                remedy.replace("NUMBER", str(number)),
            )


def _in_frame_of(base: MapManifest, other: MapManifest, T_other_base: Pose) -> Pose:
    """A pose of the other map in the frame of the first: datum and origin may differ."""
    back = None if other.origin_m is None else (-other.origin_m[0], -other.origin_m[1], -other.origin_m[2])
    return in_base_frame(T_other_base.seen_from(back), other.datum, base.datum).seen_from(base.origin_m)


def _joined_cameras(base: PlaceMap, other: PlaceMap) -> tuple[tuple[CameraMount, ...], list[int]]:
    """All cameras, and the new number of each of the other map's."""
    added = {camera.name: camera for camera in other.manifest.cameras}
    cameras, number_of = merge_cameras(base.manifest.cameras, added, exactly=True)
    return cameras, [number_of[camera.name] for camera in other.manifest.cameras]


def _lines(base: PlaceMap, other: PlaceMap, poses: list[Pose], number_of: list[int]) -> list[FrameRow]:
    sessions = len(base.manifest.sessions)
    return [
        replace(line, session=line.session + sessions, camera=number_of[line.camera], T_map_base=pose)
        for line, pose in zip(base_rows(other), poses, strict=True)
    ]


def _joined_local(
    base: PlaceMap, other: PlaceMap, cameras: Sequence[CameraMount], number_of: list[int]
) -> LocalEntry | None:
    """The local features of both where one model found them; else those of the first map that has some."""
    one, two = base.manifest.local, other.manifest.local
    if two is not None:
        renamed = {
            camera.name: cameras[number].name for camera, number in zip(other.manifest.cameras, number_of, strict=True)
        }
        given = {renamed[name]: known for name, known in two.given_intrinsics.items() if name in renamed}
        two = replace(two, given_intrinsics=given)
    if one is None or two is None:
        if one is not two:
            _LOG.warning(
                "warning: the frames of %s have no local features yet (build_map --add-local gives them some)",
                base.path if one is None else other.path,
            )
        return one or two
    if (one.sha256, one.layout) != (two.sha256, two.layout):
        _LOG.warning(
            "warning: the local features of %s are of another model or size and are left out (build_map --add-local "
            "gives its frames those of %s %s)",
            other.path,
            one.name,
            one.version,
        )
        return one
    share = len(other) / (len(base) + len(other))
    return replace(
        one,
        given_intrinsics={**two.given_intrinsics, **one.given_intrinsics},
        epipolar_px=_between(one.epipolar_px, two.epipolar_px, share),
        reprojection_px=_between(one.reprojection_px, two.reprojection_px, share),
    )


def _between(one: float | None, two: float | None, share: float) -> float | None:
    if one is None or two is None:
        return two if one is None else one
    return (1.0 - share) * one + share * two


def _joined_grid(base: MapManifest, other: MapManifest) -> GridAlignment | None:
    """The first map's alignment; the other's where that has none and the two frames are one to the number."""
    if base.grid is not None or other.grid is None:
        return base.grid
    if (base.datum, base.origin_m) == (other.datum, other.origin_m):
        return other.grid
    _LOG.warning("warning: T_grid_map of the second map is left out, for its frame begins elsewhere: align the new map")
    return None
