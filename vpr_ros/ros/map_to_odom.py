"""The transform map -> odom, kept alive between accepted poses."""

from __future__ import annotations

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.localization import Localization
from vpr_ros.ros.localizer_setup import LocalizerSetup

NS_PER_S = 1e9


class MapToOdom:
    """Remembers the last correction and sends it again with every image."""

    def __init__(self) -> None:
        self._T_map_odom: Pose | None = None

    def forget(self) -> None:
        """Send nothing until the next accepted pose."""
        self._T_map_odom = None

    def update(self, setup: LocalizerSetup, localization: Localization) -> None:
        """Take over an accepted pose, and broadcast.

        Raises:
            ConfigError: TF does not know odom -> base at the time of the image.
        """
        settings, transforms = setup.settings, setup.transforms
        if not settings.publish_tf or transforms is None:
            return
        if localization.accepted and localization.T_map_base is not None and localization.orientation_known:
            T_odom_base = transforms.lookup(settings.odom_frame, settings.base_frame, localization.stamp_ns)
            if T_odom_base is None:
                edge = f"{settings.odom_frame} -> {settings.base_frame}"
                raise ConfigError(
                    f"publish_tf needs the transform {edge}, which TF does not have",
                    "Start the odometry, correct odom_frame or base_frame, or set publish_tf to false",
                )
            self._T_map_odom = localization.T_map_base.compose(T_odom_base.inverse())
        if self._T_map_odom is not None:
            valid_until_ns = localization.stamp_ns + round(settings.tf_tolerance_s * NS_PER_S)
            transforms.broadcast(self._T_map_odom, setup.map_frame, settings.odom_frame, valid_until_ns)
