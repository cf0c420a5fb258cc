# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``vpr_localizer``: camera images in, poses in the map out.

A managed node: it declares and checks parameters, opens what they name, and wires ``Pipeline`` to the graph.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from vpr_ros.ros.contained import contained_transition
from vpr_ros.ros.error_log import ErrorLog, printable, sentence
from vpr_ros.ros.localizer.diagnostics import NodeStatus, to_diagnostics
from vpr_ros.ros.localizer.failures import Failure, FailureType
from vpr_ros.ros.localizer.image_job import Asker
from vpr_ros.ros.localizer.manager_bond import ManagerBond, open_bond
from vpr_ros.ros.localizer.one_shot import OneShotService
from vpr_ros.ros.localizer.parameter_server import OverriddenNode, ParameterServer
from vpr_ros.ros.localizer.parameters import NodeSettings, Settings
from vpr_ros.ros.localizer.pipeline import Pipeline
from vpr_ros.ros.localizer.setup import LocalizerSetup, files_state, open_setup
from vpr_ros.ros.localizer.surroundings import clock_warning, unused_odometry
from vpr_ros.ros.localizer.transforms import Transforms, open_transforms
from vpr_ros.ros.node_process import run_node

TICK_S = 1.0


class LocalizeNode(OverriddenNode):
    """Assembles parameters and pipeline, and answers the graph."""

    def __init__(self) -> None:
        """Declare the parameters and the interface; nothing is opened before ``configure``.

        Raises:
            ConfigError: an unknown or wrong parameter.
        """
        super().__init__("vpr_localizer")
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._parameter_server = ParameterServer(self)
        self._errors = ErrorLog(self.get_logger().error)
        self._pipeline = Pipeline(self, self._errors, steady)
        self._transforms: Transforms | None = None
        self._bond: ManagerBond | None = None
        self._state = "unconfigured"
        self._failed_start = ""
        self._tried: object = None
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(Trigger, "~/reset", self._on_reset)
        self._one_shot = OneShotService(self, self._ask, steady)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(TICK_S, self._on_tick, clock=steady)
        if unused := unused_odometry(self):
            self.get_logger().warning(unused)

    # --- what ``run_node`` asks for -------------------------------------------------------------------------------

    def start(self) -> None:
        """Configure and activate if ``autostart`` asks for it. A failure is reported, retried, and never fatal."""
        if not self._settings.autostart or self._state != "unconfigured":
            return
        self._tried = files_state(self._settings)
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        self._publish_diagnostics()

    def close(self) -> None:
        """Unsubscribe, stop the worker, answer whoever waits; the node stays."""
        if self._bond is not None:
            self._bond.end()
        self._pipeline.stop()

    @property
    def waiting(self) -> int:
        """How many callers have no answer yet."""
        return self._one_shot.waiting

    def report(self, source: str, error: BaseException) -> None:
        """Take note of an error that nobody else caught."""
        self._errors.report(source, error)

    # --- services -------------------------------------------------------------------------------------------------

    def _ask(self, asker: Asker) -> Failure | None:
        """Give the newest image to the worker on behalf of *asker*, or return why not."""
        if not self._pipeline.worker.is_running:
            inactive = f"the node is {self._state}. {self._failed_start or 'Configure and activate it.'}"
            return Failure(FailureType.NOT_ACTIVE, inactive)
        return self._pipeline.ask(asker, self._settings.camera_timeout_s)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._pipeline.forget_belief()
        self._pipeline.outputs.initial_pose.rearm()
        response.success, response.message = True, "the belief is forgotten, the initial pose may be handed over again"
        return response

    # --- parameters -----------------------------------------------------------------------------------------------

    @property
    def _settings(self) -> NodeSettings:
        return self._parameter_server.settings.node

    def _on_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        old = self._pipeline.setup
        try:
            values, settings = self._parameter_server.merged(changes)
            if old is not None:
                self._pipeline.use(self._open(settings, {change.name for change in changes}))
        except Exception as error:  # whatever a file of somebody else makes of this is told, and changes nothing
            self._errors.report("parameters", error)
            kept = f" The map in use stays {printable(old.settings.map)}." if old is not None else ""
            return SetParametersResult(successful=False, reason=f"{sentence(error)}{kept}")
        self._parameter_server.keep(values, settings)
        self._tried = None
        return SetParametersResult(successful=True)

    def _open(self, settings: Settings, named: Collection[str] = ()) -> LocalizerSetup:
        node = settings.node
        if self._transforms is None and (node.use_tf or node.publish_tf):
            self._transforms = open_transforms(self, required_by="publish_tf" if node.publish_tf else "")
        topics = dict(zip(node.cameras, map(self.resolve_topic_name, node.image_topics), strict=True))
        return open_setup(settings, topics, self._transforms, self._pipeline.setup, named)

    # --- lifecycle ------------------------------------------------------------------------------------------------

    @contained_transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open map and model."""
        try:
            self._pipeline.use(self._open(self._parameter_server.settings))
        except Exception as error:
            self._errors.report("configure", error)
            self._failed_start = sentence(error)
            return TransitionCallbackReturn.FAILURE
        self._failed_start, self._state = "", "inactive"
        return super().on_configure(state)

    @contained_transition
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the cameras and start the worker."""
        try:
            self._pipeline.start()
        except Exception as error:
            self._errors.report("activate", error)
            self.close()
            return TransitionCallbackReturn.FAILURE
        result = super().on_activate(state)
        self._pipeline.publish_map()
        if not self._settings.autostart:  # but by a manager, who may want a bond
            self._bond = self._bond or open_bond(self)
            if self._bond is not None:
                self._bond.form()
        self._state = "active"
        return result

    @contained_transition
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and stop the worker."""
        self.close()
        self._state = "inactive"
        return super().on_deactivate(state)

    @contained_transition
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of map and model."""
        self._pipeline.setup, self._state = None, "unconfigured"
        return super().on_cleanup(state)

    @contained_transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop whatever runs."""
        self._let_go_of_everything(state, "finalized")
        self._failed_start = ""
        return super().on_shutdown(state)

    @contained_transition
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A transition raised: begin anew."""
        self._let_go_of_everything(state, "unconfigured")
        return super().on_error(state)

    def _let_go_of_everything(self, state: LifecycleState, new_state: str) -> None:
        self.close()
        super().on_deactivate(state)
        self._pipeline.setup, self._state = None, new_state

    # --- once a second --------------------------------------------------------------------------------------------

    def _on_tick(self) -> None:
        if self._failed_start and self._settings.autostart and self._tried != files_state(self._settings):
            self.start()
        self._pipeline.tick()
        self._one_shot.expire()
        self._pipeline.outputs.initial_pose.offer(self._settings.hand_over_initialpose)
        self._publish_diagnostics()

    def _publish_diagnostics(self) -> None:
        pipeline = self._pipeline
        status = NodeStatus(
            f"{self.get_namespace().rstrip('/')}/{self.get_name()}",
            self._state,
            pipeline.setup,
            self._failed_start,
            tuple(pipeline.cameras),
            pipeline.processor.latencies,
            self._errors,
            warnings=tuple(filter(None, [clock_warning(self)])),
            stuck=pipeline.worker.stuck,
            initial_pose=pipeline.outputs.initial_pose.describe(),
            rig=None if pipeline.setup is None else pipeline.rig.report(pipeline.setup),
        )
        self._diagnostics.publish(to_diagnostics(status, self.get_clock().now().nanoseconds))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node until it is asked to end."""
    return run_node(
        "localize",
        LocalizeNode,
        "Localize camera images in a map. Every parameter: docs/parameters.md",
        "  %(prog)s --ros-args -p map:=/path/to/map -r image:=/camera/image_raw",
        argv,
    )


if __name__ == "__main__":
    sys.exit(main())
