"""Where each camera sits on the robot: asked of TF, of the parameters, of the map, in this order."""

from __future__ import annotations

from collections.abc import Mapping

from vpr_ros.core.pose import Pose
from vpr_ros.maps import PlaceMap
from vpr_ros.ros.transforms import Transforms


class CameraMounts:
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
        self._fallback = {
            camera: (given, "parameter") if given is not None else _from_map(place_map, camera, topics[camera])
            for camera, given in parameters.items()
        }
        self.origins: dict[str, str] = {camera: origin for camera, (_, origin) in self._fallback.items()}

    def lookup(self, camera: str, frame_id: str, stamp_ns: int) -> Pose | None:
        """``T_base_camera`` at the time of an image, or None where nobody knows it.

        Args:
            camera: the camera's name.
            frame_id: of the image's header; its optical frame in TF.
            stamp_ns: time of the image.
        """
        if self._transforms is not None and frame_id:
            mount = self._transforms.lookup(self._base_frame, frame_id.lstrip("/"), stamp_ns)
            if mount is not None:
                self.origins[camera] = f"TF {self._base_frame} <- {frame_id}"
                return mount
        mount, self.origins[camera] = self._fallback[camera]
        return mount


def _from_map(place_map: PlaceMap, camera: str, topic: str) -> tuple[Pose | None, str]:
    """The mount of the camera the map was recorded with: by name, by topic, or the only one there is."""
    known = {mount.name: mount.T_base_camera for mount in place_map.manifest.cameras}
    for name in (camera, topic):
        if known.get(name) is not None:
            return known[name], f"map (same camera {name!r} assumed)"
    mounts = [mount for mount in known.values() if mount is not None]
    if len(known) == 1 and mounts:
        return mounts[0], "map (its only camera, assumed at the same place)"
    return None, "unknown: assumed as in the map"
