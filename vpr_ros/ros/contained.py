# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Containment: whatever a callback raises is reported and answered, and the node goes on.

``run_node`` puts it around every node it runs, so a new subscription, timer or service cannot be without it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import rclpy
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ShutdownException, SingleThreadedExecutor, TimeoutException, await_or_execute
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.service import Service

from vpr_ros.core.errors import ConfigError
from vpr_ros.ros.error_log import sentence

RCLError: type[Exception] = rclpy_implementation.RCLError
Report = Callable[[str, BaseException], object]
"""Takes what failed, e.g. "service /vpr_localizer/localize", and the error."""

_Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]
_Answer = Callable[[Any, Any], Awaitable[Any]]
_TRANSITIONS = {1: "configure", 2: "cleanup", 3: "activate", 4: "deactivate", **dict.fromkeys((5, 6, 7), "shutdown")}


class Contained(Protocol):
    """What a node needs in order to be contained."""

    @property
    def services(self) -> Any:
        """Every service of the node, ROS's own among them."""

    def report(self, source: str, error: BaseException) -> None:
        """Take note of an error that nobody else caught."""


class ContainedExecutor(SingleThreadedExecutor):  # type: ignore[misc]
    """One thread for every callback of the node; what one of them raises is reported instead of ending the thread."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for one callback and run it, or go on with one that waits for something."""
        entity: Any
        try:
            handler, entity, _ = self.wait_for_ready_callbacks(timeout_sec=timeout_sec)
        except (ShutdownException, TimeoutException):
            return
        handler()
        error = handler.exception() if handler.done() else None
        if error is None:
            return
        if not rclpy.ok():  # asked to end meanwhile: nobody is left to publish to, which is no error
            raise error
        _release(entity)
        if not isinstance(error, InvalidHandle):  # else of something that was just given up, as a camera's other topic
            self._report(_name(entity), error)


def contained_transition(transition: _Transition) -> _Transition:
    """Report what a lifecycle callback raises; rclpy keeps it to itself and goes on with ``on_error``."""

    @functools.wraps(transition)
    def reporting(node: Any, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception as error:
            node.report(f"lifecycle {transition.__name__}", error)
            return TransitionCallbackReturn.ERROR

    return reporting


def contain_services(node: Contained) -> None:
    """Let every service of *node* answer its caller whatever happens: with ``success`` false, and why."""
    state = next((service.callback for service in node.services if service.srv_type is GetState), None)
    for service in node.services:
        answer = _answering(service, node.report, state)
        service.callback = _one_by_one(answer) if service.srv_type is SetParameters else answer


def _answering(service: Service, report: Report, get_state: Any) -> _Answer:
    service_type: Any = service.srv_type
    callback, source = service.callback, _name(service)

    async def answer(request: Any, response: Any) -> Any:
        try:
            return await await_or_execute(callback, request, response)
        except Exception as failure:
            if not rclpy.ok():
                raise
            error: Exception = failure
            if isinstance(request, ChangeState.Request) and isinstance(failure, RCLError):
                error = _impossible(request, get_state)
            report(source, error)
            return _refused(service_type.Response(), request, error)

    return answer


def _one_by_one(answer: _Answer) -> _Answer:
    """Set parameters one after the other, so that one that fails refuses none of those beside it."""

    async def answer_each(request: Any, response: Any) -> Any:
        for parameter in request.parameters:
            single = await answer(SetParameters.Request(parameters=[parameter]), SetParameters.Response())
            response.results = [*response.results, *single.results]
        return response

    return answer_each


def _impossible(request: Any, get_state: Any) -> ConfigError:
    """Say what is wrong with a transition: where it is not possible in the present state, rclpy only raises."""
    asked = request.transition
    name = asked.label or _TRANSITIONS.get(asked.id, "unknown")
    state = get_state(GetState.Request(), GetState.Response()).current_state.label if get_state is not None else "this"
    return ConfigError(
        f"the lifecycle transition {name} ({asked.id}) is not possible in the state {state}",
        "Ask for one that `ros2 lifecycle list` names for the node",
    )


def _refused(response: Any, request: Any, error: BaseException) -> Any:
    """Say no in the words that the type of *response* has."""
    reason = sentence(error)
    if isinstance(response, SetParameters.Response):
        response.results = [SetParametersResult(successful=False, reason=reason) for _ in request.parameters]
    elif isinstance(response, SetParametersAtomically.Response):
        response.result = SetParametersResult(successful=False, reason=reason)
    if hasattr(response, "success"):
        response.success = False
    if hasattr(response, "message"):
        response.message = reason
    return response


def _release(entity: Any) -> None:
    """Let *entity* be waited for again where reading its message failed: rclpy leaves it, and its group, taken."""
    if entity is not None and getattr(entity, "_executor_event", False):
        entity._executor_event = False
        entity.callback_group.ending_execution(entity)


def _name(entity: Any) -> str:
    if (service := getattr(entity, "srv_name", None)) is not None:
        return f"service {service}"
    if (topic := getattr(entity, "topic_name", None) or getattr(entity, "topic", None)) is not None:
        return f"topic {topic}"
    return "timer" if hasattr(entity, "timer_period_ns") else "callback"
