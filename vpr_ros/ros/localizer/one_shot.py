"""``~/localize``: one image, localized now. Every caller is answered, and nobody else waits meanwhile."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future
from std_srvs.srv import Trigger

from vpr_ros.core.time_ns import NS_PER_S
from vpr_ros.ros.localizer.camera_inputs import CameraInput
from vpr_ros.ros.localizer.failures import Failure, FailureType
from vpr_ros.ros.localizer.image_job import Asker, ImageJob, Outcome
from vpr_ros.ros.localizer.output_messages import to_trigger_response

TIMEOUT_S = 30.0
MOST_WAITING = 256
"""Whoever comes on top of so many is sent away: a client that asks in an endless loop must not fill the memory."""
SERVICE_QOS = QoSProfile(depth=MOST_WAITING)
"""ROS's default forgets all but the last ten requests of a crowd."""
ANSWERS_AT_ONCE = 5
PAUSE_PER_CLIENT_S, LONGEST_PAUSE_S = 0.0005, 0.1
"""Every client hears every answer, and forgets all but the last ten that it has not looked at. So a crowd is answered
bit by bit: some at once, then one after each pause, in which as many clients of one process can look at it."""


def newest_image(cameras: Collection[CameraInput], timeout_s: float) -> ImageJob | Failure:
    """The newest image of all cameras, to be worked on anew, or why none is younger than *timeout_s*."""
    newest = [camera.newest for camera in cameras if camera.newest is not None]
    job = max(newest, key=lambda candidate: candidate.received_s, default=None)
    if job is None or time.monotonic() - job.received_s > timeout_s:
        topics = ", ".join(camera.topic for camera in cameras)
        silent = f"no image on {topics} within the last {timeout_s:g} s. Check the camera and the topic."
        return Failure(FailureType.NO_IMAGE, silent)
    return replace(job, received_s=time.monotonic(), askers=[])


@dataclass(eq=False)
class _Caller:
    """Somebody who waits for an answer."""

    future: Future = field(default_factory=Future)
    deadline_s: float = field(default_factory=lambda: time.monotonic() + TIMEOUT_S)
    answered: bool = False


class OneShotService:
    """Asks the worker on behalf of the callers.

    A caller waits as a coroutine of the executor, so that its thread is free. The worker's answer comes in another
    thread and is brought into the executor's by a guard condition.
    """

    def __init__(self, node: Node, submit: Callable[[Asker], Failure | None], clock: Clock) -> None:
        """Offer the service.

        Args:
            node: offers it.
            submit: gives the newest image to the worker on behalf of an asker, or returns why it cannot.
            clock: a steady one.
        """
        self._node = node
        self._submit = submit
        self._lock = threading.Lock()
        self._callers: list[_Caller] = []
        self._answers: deque[tuple[_Caller, Outcome | Failure]] = deque()
        self._guard = node.create_guard_condition(self._on_answers)
        self._pause = node.create_timer(LONGEST_PAUSE_S, self._pass_on, clock=clock)
        self._pause.cancel()
        # A group of its own that lets callers in while others wait.
        group = ReentrantCallbackGroup()
        self._service = node.create_service(
            Trigger, "~/localize", self._on_localize, qos_profile=SERVICE_QOS, callback_group=group
        )

    @property
    def waiting(self) -> int:
        """How many callers have no answer yet."""
        return len(self._callers)

    def expire(self) -> None:
        """Answer those who waited too long; to be called now and then."""
        now_s = time.monotonic()
        late = f"the model did not answer within {TIMEOUT_S:g} s. See /diagnostics: is it slow, or does it not return?"
        failure = Failure(FailureType.MODEL_STUCK, late)
        for caller in self._callers:
            if caller.deadline_s < now_s:
                self._answer(caller, failure)

    async def _on_localize(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if len(self._callers) >= MOST_WAITING:
            crowded = f"{MOST_WAITING} callers wait for an answer already. Ask again once they have it."
            return to_trigger_response(response, Failure(FailureType.TOO_MANY_CALLERS, crowded))
        caller = _Caller()
        self._callers.append(caller)
        try:
            if failure := self._submit(lambda outcome: self._answer(caller, outcome)):
                self._answer(caller, failure)
            outcome: Outcome | Failure = await caller.future
        finally:
            self._callers.remove(caller)
        return to_trigger_response(response, outcome)

    def _answer(self, caller: _Caller, outcome: Outcome | Failure) -> None:
        """In the worker's thread or the executor's."""
        with self._lock:
            if caller.answered:
                return
            caller.answered = True
            self._answers.append((caller, outcome))
        self._guard.trigger()

    def _on_answers(self) -> None:
        if self._pause.is_canceled():
            self._pass_on(ANSWERS_AT_ONCE)

    def _pass_on(self, at_most: int = 1) -> None:
        """In the executor's thread: let the coroutines of some callers go on, and the others after a pause."""
        with self._lock:
            some = [self._answers.popleft() for _ in range(min(at_most, len(self._answers)))]
        if not some:
            self._pause.cancel()
            return
        for caller, outcome in some:
            caller.future.set_result(outcome)
        pause_s = min(PAUSE_PER_CLIENT_S * max(self._clients(), 20), LONGEST_PAUSE_S)
        self._pause.timer_period_ns = round(NS_PER_S * pause_s)
        self._pause.reset()

    def _clients(self) -> int:
        """How many clients the service has; ROS 2 Humble does not tell, so there everybody who waits counts as one."""
        count = getattr(self._node, "count_clients", None)
        return len(self._callers) if count is None else int(count(self._service.srv_name))
