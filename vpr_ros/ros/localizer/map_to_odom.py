"""The transform map -> odom: corrected by every accepted pose, kept alive in between."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from vpr_ros.core.errors import ConfigError
from vpr_ros.core.pose import Pose
from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.localization import Localization
from vpr_ros.ros.localizer.frame_names import check_transform
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.transforms import Transforms

PERIOD_S = 0.05
"""How often ``send`` wants to be called: a local planner reads TF at 20 Hz."""
PATIENCE_S = 1.0
"""How long an accepted pose waits for odometry of its own time; what comes later is no odometry to drive with."""
MOST_WAITING = 100
SOURCE = "publish_tf"
"""Under which its errors are logged."""


@dataclass(frozen=True)
class _Waiting:
    """An accepted pose whose odometry has not arrived yet."""

    T_map_base: Pose
    stamp_ns: int
    since_s: float


@dataclass(frozen=True)
class _Moment:
    """Time of the last image, and what the node's clock said when it was localized."""

    stamp_ns: int
    clock_ns: int


@dataclass
class _State:
    """What is known between these frames: map, odometry, base."""

    frames: tuple[str, str, str] = ("", "", "")
    waiting: deque[_Waiting] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    T_map_odom: Pose | None = None
    last_image: _Moment | None = None
    sent_ns: int = 0


class MapToOdom:
    """Composes the correction and sends it at a steady rate.

    A pose is met with the odometry of exactly its own time, which may arrive after it: so the worker leaves the poses
    here, and a timer of the node composes and sends. Any other odometry would turn the robot's motion in between into
    an error of the map.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = _State()

    def forget(self) -> None:
        """Send nothing until the next accepted pose."""
        with self._lock:
            self._state = _State()

    def update(self, setup: LocalizerSetup, localization: Localization, clock_ns: int) -> None:
        """Take note of an answer.

        Args:
            setup: what it was made with.
            localization: an accepted pose with an orientation corrects; any other only says what time it is.
            clock_ns: the node's time now.
        """
        if not setup.settings.publish_tf:
            return
        with self._lock:
            state = self._follow(setup)
            state.last_image = _Moment(localization.stamp_ns, clock_ns)
            if localization.accepted and localization.T_map_base is not None and localization.orientation_known:
                state.waiting.append(_Waiting(localization.T_map_base, localization.stamp_ns, time.monotonic()))

    def send(self, setup: LocalizerSetup, clock_ns: int) -> bool:
        """Correct with the newest pose whose odometry is there, and broadcast.

        The stamps follow those of the images, so that recordings played without /clock work too.

        Args:
            setup: in use now.
            clock_ns: the node's time now.

        Returns:
            Whether an accepted pose met its odometry.

        Raises:
            ConfigError: TF has no odometry for an accepted pose, although it was waited for; or the map's frame and its
                child are one.
        """
        check_transform(setup.settings, setup.map_frame)
        transforms = setup.transforms
        if not setup.settings.publish_tf or transforms is None:
            return False
        with self._lock:
            state = self._follow(setup)
            corrected, missing = _correct(state, transforms)
            if state.T_map_odom is not None and state.last_image is not None:
                # The clock is 0 until a simulator's first /clock, which an image may precede.
                passed_ns = max(0, clock_ns - state.last_image.clock_ns) if state.last_image.clock_ns else 0
                ahead_ns = round(setup.settings.tf_tolerance_s * NS_PER_S)
                valid_until_ns = state.last_image.stamp_ns + passed_ns + ahead_ns
                if valid_until_ns > state.sent_ns:  # listeners warn about a second transform of one time
                    state.sent_ns = valid_until_ns
                    transforms.broadcast(state.T_map_odom, setup.map_frame, setup.settings.odom_frame, valid_until_ns)
        if missing is not None:
            raise ConfigError(
                f"publish_tf lacks the odometry of an accepted pose: {missing.problem}",
                "Start the odometry, correct odom_frame or base_frame, or set publish_tf to false",
            )
        return corrected

    def _follow(self, setup: LocalizerSetup) -> _State:
        """Forget what was composed between other frames."""
        frames = (setup.map_frame, setup.settings.odom_frame, setup.settings.base_frame)
        if self._state.frames != frames:
            self._state = _State(frames)
        return self._state


def _correct(state: _State, transforms: Transforms) -> tuple[bool, ConfigError | None]:
    """Whether a waiting pose met its odometry, newest first, and why one that waited too long did not."""
    _, odom_frame, base_frame = state.frames
    missing: ConfigError | None = None
    for waiting in reversed(state.waiting):
        try:
            T_odom_base = transforms.lookup(odom_frame, base_frame, waiting.stamp_ns)
        except ConfigError as error:
            missing = error
            continue
        state.T_map_odom = waiting.T_map_base.compose(T_odom_base.inverse())
        while state.waiting.popleft() is not waiting:
            pass
        return True, None
    given_up = False
    while state.waiting and time.monotonic() > state.waiting[0].since_s + PATIENCE_S:
        state.waiting.popleft()
        given_up = True
    return False, missing if given_up else None
