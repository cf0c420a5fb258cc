# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The way of the images: cameras, worker, processor, outputs, and the setup that answers them."""

from __future__ import annotations

from rclpy.clock import Clock
from rclpy.lifecycle import LifecycleNode

from vpr_ros.core.errors import ConfigError, VprError
from vpr_ros.ros.error_log import ErrorLog
from vpr_ros.ros.localizer.camera_inputs import CameraInput
from vpr_ros.ros.localizer.failures import Failure, FailureType
from vpr_ros.ros.localizer.frame_processor import FrameProcessor
from vpr_ros.ros.localizer.grid_transform import GridTransform
from vpr_ros.ros.localizer.image_job import Asker, ImageJob
from vpr_ros.ros.localizer.map_to_odom import PERIOD_S, SOURCE, MapToOdom
from vpr_ros.ros.localizer.odometry_input import OdometryInput
from vpr_ros.ros.localizer.one_shot import newest_image
from vpr_ros.ros.localizer.outputs import Outputs
from vpr_ros.ros.localizer.rig import Rig, is_silent
from vpr_ros.ros.localizer.setup import LocalizerSetup, log_setup
from vpr_ros.ros.localizer.worker import NewestFrameWorker


class Pipeline:
    """A camera's callback gives the newest image to the worker's thread, which decodes, localizes and publishes it.

    Every method is for the executor's thread.

    Attributes:
        setup: in use; None while the node is unconfigured.
        cameras: those listened to; none while the node is not active.
        worker, processor, outputs, rig, odometry: see their classes.
    """

    def __init__(self, node: LifecycleNode, errors: ErrorLog, steady: Clock) -> None:
        """Create the publishers and, by the clock *steady*, the timer of map -> odom; nothing is published yet."""
        self.setup: LocalizerSetup | None = None
        self.cameras: list[CameraInput] = []
        self.outputs = Outputs(node)
        self.rig = Rig()
        self._map_to_odom = MapToOdom()
        self._grid = GridTransform(errors, node.get_logger())
        self.odometry = OdometryInput(node)
        self.processor = FrameProcessor(
            self.outputs, self._map_to_odom, self.odometry, errors, node.get_clock(), self.rig
        )
        self.worker = NewestFrameWorker(self.processor.process, self.rig)
        self._node = node
        self._errors = errors
        self._broadcast_timer = node.create_timer(PERIOD_S, self._on_broadcast, clock=steady)
        self._broadcast_timer.cancel()

    def use(self, setup: LocalizerSetup) -> None:
        """Answer every image with *setup* from now on, those that wait too; what fails leaves the one before in use."""
        old = self.setup
        self._exchange(setup)
        try:
            self._keep_broadcasting(setup.settings.publish_tf)
            self._grid.publish(setup, self._now_ns())
            other_map = old is None or old.place_map is not setup.place_map
            if other_map or old is None or old.map_frame != setup.map_frame:
                self.forget_belief()
                self.outputs.initial_pose.forget()
                if self.worker.is_running:
                    self.publish_map()
            if other_map or old is None or old.extractor is not setup.extractor:
                log_setup(setup, self._node.get_logger())
        except Exception:
            self._exchange(old)
            raise

    def start(self) -> None:
        """Start the worker and subscribe to the cameras.

        Raises:
            ConfigError: there is no setup.
            ModelError: the model still works on an image of an earlier start.
        """
        if self.setup is None:
            raise ConfigError("the node has no map and no model yet", "Configure it before it is activated")
        self.worker.start()
        self.forget_belief()
        if self.setup.filter.enabled:
            self.odometry.listen(self.setup.filter.odometry_topic)
        settings = self.setup.settings
        for name, topic in zip(settings.cameras, settings.image_topics, strict=True):
            transport = settings.image_transport
            self.cameras.append(CameraInput(self._node, name, self.setup, topic, transport, self._on_image))
        self.rig.use(self.cameras)

    def stop(self) -> None:
        """Unsubscribe, stop the worker, answer whoever waits."""
        for camera in self.cameras:
            camera.close()
        self.cameras = []
        self.rig.use(())
        self.odometry.close()
        self.worker.stop()
        self.outputs.initial_pose.forget()

    def publish_map(self) -> None:
        """Publish the map in use, latched."""
        if self.setup is not None:
            self.outputs.publish_map(self.setup, self._now_ns())

    def ask(self, asker: Asker, timeout_s: float) -> Failure | None:
        """Let *asker* know the outcome of the newest image, or return why none is younger than *timeout_s*."""
        if stuck := self.worker.stuck:
            return Failure(FailureType.MODEL_STUCK, stuck)
        image = newest_image(self.cameras, timeout_s)
        if isinstance(image, Failure):
            return image
        newest = [camera.newest for camera in self.cameras if camera.newest is not None]
        self.worker.ask(self.rig.with_newest(image, newest), asker)
        return None

    def forget_belief(self) -> None:
        """Send no map -> odom until the next accepted pose, and believe nothing of the images before."""
        self._map_to_odom.forget()
        if self.setup is not None and self.setup.localizer.place_filter is not None:
            self.setup.localizer.place_filter.reset()

    def tick(self) -> None:
        """Settle on the transport that delivers, and tell of gaps; to be called once a second."""
        for camera in self.cameras:
            camera.settle(camera.setup.settings.camera_timeout_s)
            camera.tell_gaps()
        self._tell_silence()

    def _tell_silence(self) -> None:
        """Where no camera delivers, say so in place of the answers that do not come."""
        if not self.cameras or not all(is_silent(camera) for camera in self.cameras):
            return
        newest = max((camera.newest for camera in self.cameras if camera.newest), key=_received_s, default=None)
        stamp_ns = self._now_ns() if newest is None else newest.stamp_ns
        self.outputs.publish_silence(stamp_ns, None if newest is None else newest.camera.statistics.silent_s())

    def _exchange(self, setup: LocalizerSetup | None) -> None:
        self.setup = setup
        self.rig.forget()
        if setup is not None:
            for camera in self.cameras:
                camera.setup = setup

    def _on_image(self, job: ImageJob) -> None:
        if job.camera.setup.settings.continuous:
            self.worker.offer(job)

    def _keep_broadcasting(self, wanted: bool) -> None:
        self._errors.forget(SOURCE)  # of other parameters; what still holds is said again
        if wanted:
            self._broadcast_timer.reset()
            return
        self._broadcast_timer.cancel()
        self._map_to_odom.forget()

    def _on_broadcast(self) -> None:
        setup = self.setup
        if setup is None or not self.worker.is_running:
            self._map_to_odom.forget()
            return
        try:
            if self._map_to_odom.send(setup, self._now_ns()):
                self._errors.forget(SOURCE)
        except VprError as error:
            self._errors.report(SOURCE, error)

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)


def _received_s(job: ImageJob) -> float:
    return job.received_s
