"""``vpr_localizer``: camera images in, poses in the map out.

A managed node. The executor's thread hands the newest image to a worker; the worker decodes, localizes, publishes.
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

from vpr_ros.core.errors import VprError
from vpr_ros.maps.map_warnings import map_warnings
from vpr_ros.ros.contained import contained_transition
from vpr_ros.ros.error_log import ErrorLog, printable, sentence
from vpr_ros.ros.localizer.camera_inputs import CameraInput
from vpr_ros.ros.localizer.diagnostics import NodeStatus, to_diagnostics
from vpr_ros.ros.localizer.frame_names import map_frame_warning
from vpr_ros.ros.localizer.frame_processor import FrameProcessor
from vpr_ros.ros.localizer.manager_bond import ManagerBond, open_bond
from vpr_ros.ros.localizer.map_to_odom import PERIOD_S, SOURCE, MapToOdom
from vpr_ros.ros.localizer.one_shot import Answer, OneShotService, newest_image
from vpr_ros.ros.localizer.outputs import Outputs
from vpr_ros.ros.localizer.parameter_server import OverriddenNode, ParameterServer
from vpr_ros.ros.localizer.parameters import Settings
from vpr_ros.ros.localizer.setup import LocalizerSetup, files_state, open_setup
from vpr_ros.ros.localizer.surroundings import clock_warning, unused_odometry
from vpr_ros.ros.localizer.transforms import Transforms, open_transforms
from vpr_ros.ros.localizer.worker import Asker, ImageJob, NewestFrameWorker
from vpr_ros.ros.node_process import run_node

TICK_S = 1.0


class LocalizeNode(OverriddenNode):
    """Assembles parameters, cameras, localizer and outputs, and answers the graph."""

    def __init__(self) -> None:
        """Declare the parameters and the interface; nothing is opened before ``configure``.

        Raises:
            ConfigError: an unknown or wrong parameter.
        """
        super().__init__("vpr_localizer")
        self._parameter_server = ParameterServer(self)
        self._errors = ErrorLog(self.get_logger().error)
        self._outputs = Outputs(self)
        self._map_to_odom = MapToOdom()
        self._processor = FrameProcessor(self._outputs, self._map_to_odom, self._errors, self.get_clock())
        self._worker = NewestFrameWorker(self._process, self._dropped)
        self._cameras: dict[str, CameraInput] = {}
        self._setup: LocalizerSetup | None = None
        self._transforms: Transforms | None = None
        self._state = "unconfigured"
        self._failed_start = ""
        self._tried: object = None
        self._bond: ManagerBond | None = None
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(Trigger, "~/reset", self._on_reset)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._one_shot = OneShotService(self, self._submit, steady)
        self.create_timer(TICK_S, self._on_tick, clock=steady)
        self._broadcast_timer = self.create_timer(PERIOD_S, self._on_broadcast, clock=steady)
        self._broadcast_timer.cancel()
        if unused := unused_odometry(self):
            self.get_logger().warning(unused)

    # --- images ---------------------------------------------------------------------------------------------------

    def _on_image(self, job: ImageJob) -> None:
        if self._settings.node.continuous:
            self._worker.offer(job)

    def _process(self, job: ImageJob) -> Answer | None:
        setup, camera = self._setup, self._cameras.get(job.camera)
        if setup is None or camera is None:
            return None
        if job.stamp_ns < camera.statistics.last_processed_ns:
            camera.statistics.time_jumps_back += 1
            self._forget_belief()
            if setup.transforms is not None:
                setup.transforms.restart()
        return Answer(self._processor.process(setup, camera.statistics, job), setup.map_frame)

    def _dropped(self, job: ImageJob) -> None:
        if (camera := self._cameras.get(job.camera)) is not None:
            camera.statistics.dropped += 1

    # --- services -------------------------------------------------------------------------------------------------

    def _submit(self, asker: Asker) -> str:
        """Give the newest image to the worker on behalf of *asker*, or return why not."""
        setup = self._setup
        if setup is None or not self._worker.is_running:
            return f"the node is {self._state}. {self._failed_start or 'Configure and activate it.'}"
        if stuck := self._worker.stuck:
            return stuck
        image = newest_image(self._cameras.values(), setup.settings.camera_timeout_s)
        if isinstance(image, str):
            return image
        self._worker.ask(image, asker)
        return ""

    @property
    def waiting(self) -> int:
        """How many callers have no answer yet."""
        return self._one_shot.waiting

    def report(self, source: str, error: BaseException) -> None:
        """Take note of an error that nobody else caught."""
        self._errors.report(source, error)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._forget_belief()
        self._outputs.initial_pose.rearm()
        response.success, response.message = True, "the belief is forgotten, the initial pose may be handed over again"
        return response

    def _forget_belief(self) -> None:
        self._map_to_odom.forget()

    # --- parameters -----------------------------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        return self._parameter_server.settings

    def _on_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        old = self._setup
        try:
            values, settings = self._parameter_server.merged(changes)
            named = {change.name for change in changes}
            setup = self._open(settings, named) if self._setup is not None else None
            if setup is not None:
                self._use(setup)
        except Exception as error:  # whatever a file of somebody else makes of this is told, and changes nothing
            self._errors.report("parameters", error)
            self._setup = old
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
        return open_setup(settings, topics, self._transforms, self._setup, named)

    def _use(self, setup: LocalizerSetup) -> None:
        old, self._setup = self._setup, setup
        self._keep_broadcasting(setup.settings.publish_tf)
        if old is None or old.place_map is not setup.place_map or old.map_frame != setup.map_frame:
            self._forget_belief()
            self._outputs.initial_pose.forget()
            if self._worker.is_running:
                self._outputs.publish_map(setup, self.get_clock().now().nanoseconds)
        if old is None or old.place_map is not setup.place_map or old.extractor is not setup.extractor:
            info = setup.extractor.info
            self.get_logger().info(
                f"map {setup.place_map.path}: {len(setup.place_map)} frames in {setup.map_frame!r}; "
                f"model {info.name} {info.version} on {setup.extractor.provider}"
            )
            if warning := map_frame_warning(setup.settings, setup.map_frame):
                self.get_logger().warning(warning)
            for warning in map_warnings(setup.place_map):
                self.get_logger().warning(warning)
            for event in setup.extractor.events:
                if event.kind == "fallback":
                    self.get_logger().warning(event.message)

    # --- map -> odom ----------------------------------------------------------------------------------------------

    def _keep_broadcasting(self, wanted: bool) -> None:
        self._errors.forget(SOURCE)  # of other parameters; what still holds is said again
        if wanted:
            self._broadcast_timer.reset()
            return
        self._broadcast_timer.cancel()
        self._map_to_odom.forget()

    def _on_broadcast(self) -> None:
        setup = self._setup
        if setup is None or not self._worker.is_running:
            self._map_to_odom.forget()
            return
        try:
            if self._map_to_odom.send(setup, self.get_clock().now().nanoseconds):
                self._errors.forget(SOURCE)
        except VprError as error:
            self._errors.report(SOURCE, error)

    # --- lifecycle ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Configure and activate if ``autostart`` asks for it. A failure is reported, retried, and never fatal."""
        if not self._settings.node.autostart or self._state != "unconfigured":
            return
        self._tried = files_state(self._settings.node)
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        self._publish_diagnostics()

    @contained_transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open map and model."""
        try:
            self._use(self._open(self._settings))
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
            self._worker.start()
            node = self._settings.node
            for camera, topic in zip(node.cameras, node.image_topics, strict=True):
                self._cameras[camera] = CameraInput(self, camera, topic, node.image_transport, self._on_image)
        except Exception as error:
            self._errors.report("activate", error)
            self.close()
            return TransitionCallbackReturn.FAILURE
        result = super().on_activate(state)
        if self._setup is not None:
            self._outputs.publish_map(self._setup, self.get_clock().now().nanoseconds)
        if not node.autostart:  # but by a manager, who may want a bond
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
        self._setup, self._state = None, "unconfigured"
        return super().on_cleanup(state)

    @contained_transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop whatever runs."""
        self.close()
        super().on_deactivate(state)
        self._setup, self._state, self._failed_start = None, "finalized", ""
        return super().on_shutdown(state)

    @contained_transition
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A transition raised: begin anew."""
        self.close()
        super().on_deactivate(state)
        self._setup, self._state = None, "unconfigured"
        return super().on_error(state)

    def close(self) -> None:
        """Unsubscribe, stop the worker, answer whoever waits; the node stays."""
        if self._bond is not None:
            self._bond.end()
        for camera in self._cameras.values():
            camera.close()
        self._cameras = {}
        self._worker.stop()
        self._outputs.initial_pose.forget()

    # --- once a second --------------------------------------------------------------------------------------------

    def _on_tick(self) -> None:
        if self._failed_start and self._settings.node.autostart and self._tried != files_state(self._settings.node):
            self.start()
        timeout_s = self._settings.node.camera_timeout_s
        for camera in self._cameras.values():
            camera.settle(timeout_s)
            camera.tell_gaps()
        self._one_shot.expire()
        self._outputs.initial_pose.offer(self._settings.node.hand_over_initialpose)
        self._publish_diagnostics()

    def _publish_diagnostics(self) -> None:
        name = f"{self.get_namespace().rstrip('/')}/{self.get_name()}"
        cameras = tuple(self._cameras.values())
        latencies = self._processor.latencies
        status = NodeStatus(
            name,
            self._state,
            self._setup,
            self._failed_start,
            cameras,
            latencies,
            self._errors,
            warnings=tuple(filter(None, [clock_warning(self)])),
            stuck=self._worker.stuck,
            initial_pose=self._outputs.initial_pose.describe(),
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
