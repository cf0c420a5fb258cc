# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Extrinsics, where each camera sits on the robot: asked of TF, of the parameters, of the map, in this order."""

from __future__ import annotations

import time
from collections.abc import Mapping

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.localizer.transforms import Transforms

PAUSE_S = 0.02
WORTH_TELLING_NS = NS_PER_S
GUESSED = "assumed at the same place)"


class CameraExtrinsics:
    """Answers where a camera sits, and remembers who said so.

    Attributes:
        origins: camera -> "TF", "parameter", "map" or "unknown", for diagnostics.
    """

    def __init__(
        self,
        base_frame: str,
        parameters: Mapping[str, Pose | None],
        topics: Mapping[str, str],
        place_map: PlaceMap,
        transforms: Transforms | None,
    ) -> None:
        """Prepare.

        Args:
            base_frame: the robot's base.
            parameters: camera -> T_base_camera from the parameters, None where not given.
            topics: camera -> its image topic; maps built from bags name their cameras by topic.
            place_map: the map in use.
            transforms: TF, or None where it is not installed.
        """
        self._base_frame = base_frame
        self._transforms = transforms
        self._logged: dict[str, str] = {}
        self._fallback = {
            camera: (given, "parameter") if given is not None else _from_map(place_map, camera, topics[camera])
            for camera, given in parameters.items()
        }
        self._known_by_tf: set[str] = set()
        self.origins: dict[str, str] = {camera: origin for camera, (_, origin) in self._fallback.items()}

    def is_known(self, camera: str) -> bool:
        """Whether somebody said where *camera* sits, by what is known so far: it is no guess from the map's camera."""
        T_base_camera, origin = self._fallback[camera]
        return camera in self._known_by_tf or (T_base_camera is not None and not origin.endswith(GUESSED))

    def lookup(self, camera: str, frame_id: str, stamp_ns: int) -> Pose | None:
        """``T_base_camera`` at the time of an image, or None where nobody knows it.

        A camera on a joint may be asked for a time TF does not have: then the joint is where it was last seen.

        Args:
            camera: the camera's name.
            frame_id: of the image's header; its optical frame in TF.
            stamp_ns: time of the image.
        """
        T_base_camera, origin = self._fallback[camera]
        if self._transforms is None:
            return T_base_camera
        source = origin
        if not frame_id:
            origin += "; TF is not asked, because the images name no frame_id"
        else:
            try:
                T_base_camera, origin = self._patiently(self._transforms, frame_id, stamp_ns)
                source = "TF"
                self._known_by_tf.add(camera)
            except ConfigError as error:
                origin += f"; {error.problem}"
        self.origins[camera] = origin
        if self._logged.get(camera) != source:
            self._logged[camera] = source
            _log(self._transforms, f"camera {camera}: extrinsics: {origin}", source == "TF")
        return T_base_camera

    def _patiently(self, transforms: Transforms, frame_id: str, stamp_ns: int) -> tuple[Pose, str]:
        while True:
            try:
                return self._ask(transforms, frame_id, stamp_ns)
            except ConfigError:
                if not transforms.may_still_fill():
                    raise
            time.sleep(PAUSE_S)

    def _ask(self, transforms: Transforms, frame_id: str, stamp_ns: int) -> tuple[Pose, str]:
        origin = f"TF {self._base_frame} <- {frame_id}"
        try:
            return transforms.lookup(self._base_frame, frame_id, stamp_ns), origin
        except ConfigError:
            T_base_camera, newest_ns = transforms.newest(self._base_frame, frame_id)
        gap_ns = newest_ns - stamp_ns
        if abs(gap_ns) > WORTH_TELLING_NS:
            origin += f", {abs(gap_ns) / NS_PER_S:.1f} s {'before' if gap_ns < 0 else 'after'} the image"
        return T_base_camera, origin


def _log(transforms: Transforms, text: str, tf_knows: bool) -> None:
    """A warning where a tree that somebody fills lacks the camera."""
    if not tf_knows and transforms.others_publish():
        transforms.logger.warning(text)
    else:  # a line of its own: rclpy refuses one whose severity changes
        transforms.logger.info(text)


def _from_map(place_map: PlaceMap, camera: str, topic: str) -> tuple[Pose | None, str]:
    """The extrinsics of the camera the map was recorded with: by name, by topic, or the only one there is."""
    known = {recorded.name: recorded.T_base_camera for recorded in place_map.manifest.cameras}
    for name in (camera, topic):
        if known.get(name) is not None:
            return known[name], f"map (same camera {name!r} assumed)"
    extrinsics = set(known.values())  # a camera that was calibrated anew is two to the map, "NAME" and "NAME (2)"
    if len(extrinsics) == 1 and (only := extrinsics.pop()) is not None:
        return only, f"map (its only camera, {GUESSED}"
    return None, "unknown: assumed as in the map"
