# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a user can turn about the filter. The node declares these as parameters, under ``filter.``."""

from __future__ import annotations

from dataclasses import dataclass

from vpr_ros.core.options import check_options, option


@dataclass(frozen=True)
class FilterConfig:
    """How much the filter believes of what, and how fast it gives up."""

    enabled: bool = option(
        True,
        "in continuous mode an answer is judged by all images so far and the motion between them, with odometry where "
        "there is some. ~/localize without continuous always asks its image alone",
        when="False for cameras whose images are not of one drive, or to compare.",
        heading="Filter",
    )
    odometry_topic: str = option(
        "",
        "nav_msgs/Odometry topic: pose and covariance of the motion between images. Empty: odom where that is "
        "remapped, else TF from odom_frame to base_frame; without "
        "either the robot may have gone anywhere at top_speed_mps",
        when="Where the odometry has a covariance worth using, or is not in TF.",
        read_only=True,
    )
    top_speed_mps: float = option(
        30.0,
        "faster the robot never moves: bounds its way where odometry is missing, and odometry that claims more is not "
        "believed",
        unit="m/s",
        above=0.0,
        maximum=1000.0,
        when="Lower it to what your robot does; without odometry the filter is the surer for it.",
    )
    kidnap_rate: float = option(
        0.005,
        "how likely the robot was carried elsewhere since the image before, where that is new evidence",
        minimum=1e-6,
        maximum=0.5,
        when="Raise it where robots are carried often: recovery is faster, look-alikes are resisted less.",
    )
    leave_rate: float = option(
        0.05,
        "how likely it left the map since then, or came back",
        minimum=1e-6,
        maximum=0.5,
        when="Lower it where the map covers all there is.",
    )
    jump_gate: bool = option(
        True,
        "refuse an accepted pose that the odometry makes impossible after the ones before, until several in a row "
        "agree with each other",
        when="False where odometry cannot be trusted at all.",
    )

    def __post_init__(self) -> None:
        """Refuse values outside their bounds.

        Raises:
            ConfigError: see ``Option.checked``.
        """
        check_options(self)
