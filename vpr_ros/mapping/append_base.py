# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The map a new session is added to, and how the session's frames fit into it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vpr_ros.core.errors import MapError
from vpr_ros.core.frames import CameraMount, GeoDatum
from vpr_ros.core.model_info import Extractor
from vpr_ros.core.pose import Pose
from vpr_ros.mapping.build_config import BuildConfig
from vpr_ros.maps.frame_table import FrameRow
from vpr_ros.maps.geo_frames import move_to_datum
from vpr_ros.maps.map_files import map_file, map_folder
from vpr_ros.maps.map_frame import describe_frames, lies_in
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.thumbnails import THUMBNAILS_NAME, thumbnail_path


def open_base(path: Path, extractor: Extractor, config: BuildConfig, frame_id: str, datum: GeoDatum | None) -> PlaceMap:
    """Open the map to append to; *frame_id* and *datum* are those of the new poses.

    Raises:
        MapError: it is no map, was built with another model, is in another frame, only one of map and source
            knows where on Earth it is, or half precision was asked for and the map is in full.
    """
    base = PlaceMap.open(path)
    base.check_model(extractor.info, extractor.sha256)
    if config.dtype == "float16" and base.manifest.dtype != "float16":
        raise MapError(
            f"--float16 was asked for, map {path} holds {base.manifest.dtype}, which appending does not change",
            "Leave --float16 out, or build the map again with it",
        )
    if not lies_in(frame_id, base.manifest, named=config.frame_id is not None):
        raise MapError(
            f"map {path} is in frame {describe_frames(base.manifest)}, the new session in {frame_id!r}",
            f"Give poses in the map's frame: --map-frame {base.manifest.frame_id} takes them from the bag's TF or, "
            "beside --pose-topic or --poses, says that they are. Or build a map of its own",
        )
    if (base.manifest.datum is None) != (datum is None):
        raise MapError(
            f"map {path} has {_origin(base.manifest.datum)}, the new session has {_origin(datum)}",
            "Give both sessions GPS poses, or both poses in one metric frame",
        )
    return base


def base_rows(base: PlaceMap) -> list[FrameRow]:
    """The lines of the map appended to."""
    frames = base.frames
    return [
        FrameRow(
            int(frames.stamp_ns[index]),
            int(frames.session[index]),
            int(frames.camera_index[index]),
            frames.pose(index),
            frames.names[index],
        )
        for index in range(len(frames))
    ]


def link_thumbnails(base: PlaceMap, partial: Path) -> None:
    """Put the base's thumbnails into the new folder, without copying where the file system allows.

    Raises:
        MapError: one of them lies outside the map.
        OSError: it cannot be written.
    """
    map_folder(base.path, THUMBNAILS_NAME)
    for index in range(len(base)):
        old = thumbnail_path(base.path / THUMBNAILS_NAME, index)
        new = thumbnail_path(partial / THUMBNAILS_NAME, index)
        if not old.exists() or new.exists():
            continue
        map_file(old.parent, old.name)
        try:
            new.hardlink_to(old)
        except OSError:
            shutil.copyfile(old, new)


def merge_cameras(
    known: tuple[CameraMount, ...], added: Mapping[str, CameraMount], *, exactly: bool = False
) -> tuple[tuple[CameraMount, ...], dict[str, int]]:
    """Number the cameras of a new session.

    A camera that sits elsewhere than the one of the same name before, or sees differently, becomes a new one,
    "name (2)". One whose intrinsics the map does not know stays so: nothing is said of its earlier frames. Where the
    map alone knows them, the session's camera is a new one: its frames are not said to be seen so, nor is it forgotten.
    With *exactly* one that the map alone does not know is a new one too, for frames of another map rest on them.

    Returns:
        every camera, and the session's camera name -> its number.
    """
    cameras = list(known)
    numbers: dict[str, int] = {}
    for name, camera in added.items():
        named = _of_name(cameras, name)
        placed = [number for number in named if cameras[number].T_base_camera == camera.T_base_camera]
        same = [number for number in placed if cameras[number].intrinsics == camera.intrinsics]
        same += [number for number in placed if cameras[number].intrinsics is None and not exactly]
        if not same:
            same = [len(cameras)]
            cameras.append(replace(camera, name=_numbered(name, len(named) + 1)))
        numbers[name] = same[0]
    return tuple(cameras), numbers


def _of_name(cameras: Sequence[CameraMount], name: str) -> list[int]:
    """The numbers of the cameras called *name*, "*name* (2)" and so on, in this order."""
    names = [camera.name for camera in cameras]
    found: list[int] = []
    while (called := _numbered(name, len(found) + 1)) in names:
        found.append(names.index(called))
    return found


def _numbered(name: str, attempt: int) -> str:
    return f"{name} ({attempt})" if attempt > 1 else name


def in_base_frame(T_map_base: Pose, session: GeoDatum | None, base: GeoDatum | None) -> Pose:
    """Move a pose of the new session to the origin of the map."""
    return T_map_base if session is None or base is None else move_to_datum(T_map_base, session, base)


def _origin(datum: GeoDatum | None) -> str:
    if datum is None:
        return "no GPS origin"
    return f"GPS origin {datum.latitude_deg:.6f}, {datum.longitude_deg:.6f}"
