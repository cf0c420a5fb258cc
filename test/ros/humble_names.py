# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The names of ROS 2 Humble in the modules this package imports from, written by hand.

Compared with the humble branches of rclpy (b488272b, 3.3.15), launch (f31c1ff1, 1.0.7), launch_ros (25a207ca, 0.19.8),
geometry2 (d0dbd516, 0.25.8), common_interfaces (53761cba, 4.2.4), rcl_interfaces (5e01a28f, 1.2.1). A name that is not
here may exist there all the same: look it up in those branches, then add it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

HUMBLE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        module: frozenset(names.split())
        for module, names in {
            "rclpy": "create_node init ok shutdown signals spin spin_once spin_until_future_complete try_shutdown",
            "rclpy.callback_groups": "MutuallyExclusiveCallbackGroup ReentrantCallbackGroup",
            "rclpy.clock": "Clock ClockType",
            "rclpy.context": "Context",
            "rclpy.duration": "Duration",
            "rclpy.exceptions": "InvalidHandle NotInitializedException ParameterNotDeclaredException",
            "rclpy.executors": (
                "ExternalShutdownException MultiThreadedExecutor ShutdownException SingleThreadedExecutor "
                "TimeoutException await_or_execute"
            ),
            "rclpy.impl.implementation_singleton": "rclpy_implementation",
            "rclpy.lifecycle": "LifecycleNode LifecyclePublisher LifecycleState TransitionCallbackReturn",
            "rclpy.node": "Node",
            "rclpy.parameter": "Parameter parameter_value_to_python",
            "rclpy.qos": "DurabilityPolicy HistoryPolicy QoSProfile ReliabilityPolicy qos_profile_sensor_data",
            "rclpy.qos_event": "PublisherEventCallbacks SubscriptionEventCallbacks UnsupportedEventTypeError",
            "rclpy.serialization": "deserialize_message serialize_message",
            "rclpy.service": "Service",
            "rclpy.signals": "SignalHandlerOptions",
            "rclpy.task": "Future Task",
            "rclpy.time": "Time",
            "rclpy.utilities": "remove_ros_args",
            "builtin_interfaces.msg": "Duration Time",
            "diagnostic_msgs.msg": "DiagnosticArray DiagnosticStatus KeyValue",
            "geometry_msgs.msg": (
                "Point Pose PoseArray PoseStamped PoseWithCovarianceStamped Quaternion Transform TransformStamped "
                "Twist Vector3"
            ),
            "lifecycle_msgs.msg": "State Transition",
            "lifecycle_msgs.srv": "ChangeState GetState",
            "nav_msgs.msg": "Odometry Path",
            "rcl_interfaces.msg": (
                "FloatingPointRange IntegerRange Parameter ParameterDescriptor ParameterType ParameterValue "
                "SetParametersResult"
            ),
            "rcl_interfaces.srv": (
                "DescribeParameters GetParameters ListParameters SetParameters SetParametersAtomically"
            ),
            "rosgraph_msgs.msg": "Clock",
            "sensor_msgs.msg": "CameraInfo CompressedImage Image NavSatFix PointCloud2 PointField",
            "std_msgs.msg": "ColorRGBA Header String",
            "std_srvs.srv": "Empty SetBool Trigger",
            "tf2_msgs.msg": "TFMessage",
            "tf2_ros": ("Buffer StaticTransformBroadcaster TransformBroadcaster TransformException TransformListener"),
            "visualization_msgs.msg": "Marker MarkerArray",
            "ament_index_python": "get_package_share_directory",
            "ament_index_python.packages": ("PackageNotFoundError get_package_prefix get_package_share_directory"),
            "launch": ("Action LaunchContext LaunchDescription LaunchDescriptionEntity LaunchService Substitution"),
            "launch.actions": (
                "DeclareLaunchArgument EmitEvent ExecuteProcess GroupAction IncludeLaunchDescription LogInfo "
                "OpaqueFunction PopLaunchConfigurations PushLaunchConfigurations RegisterEventHandler "
                "SetEnvironmentVariable SetLaunchConfiguration Shutdown TimerAction UnsetEnvironmentVariable"
            ),
            "launch.conditions": "IfCondition UnlessCondition",
            "launch.event_handlers": "OnProcessExit OnProcessIO OnProcessStart OnShutdown",
            "launch.events": "Shutdown",
            "launch.events.process": "ProcessExited ProcessStarted SignalProcess",
            "launch.launch_description_sources": "PythonLaunchDescriptionSource",
            "launch.logging": "get_logger launch_config",
            "launch.substitutions": (
                "EnvironmentVariable LaunchConfiguration PathJoinSubstitution PythonExpression TextSubstitution"
            ),
            "launch_ros.actions": "LifecycleNode Node PushRosNamespace SetParameter SetRemap",
            "launch_ros.parameter_descriptions": "Parameter ParameterFile ParameterValue",
            "launch_ros.utilities": "make_namespace_absolute prefix_namespace",
            "launch_ros.substitutions": "ExecutableInPackage FindPackagePrefix FindPackageShare",
        }.items()
    }
)
"""Module -> names that a module of Humble has."""

PACKAGES: Final = frozenset(module.partition(".")[0] for module in HUMBLE)

AFTER_HUMBLE: Final = frozenset(
    [
        "add_post_set_parameters_callback",
        "add_pre_set_parameters_callback",
        "add_clock_callback",
        "configure_introspection",
        "delete_parameters",
        "get_action_names_and_types",
        "get_logger_name",
        "get_node_name",
        "get_publisher_count",
        "list_parameters",
        "load_parameter_file",
        "logger_name",
        "publish_raw",
        "received_timestamp",
        "service_name",
        "services_are_ready",
        "set_ros_time_override_is_enabled",
        "source_timestamp",
        "topic_type_hash",
        "trigger_transition_by_id",
        "trigger_transition_by_label",
        "wait_for_node",
        "wait_for_services",
    ]
)
"""Methods and properties of rclpy's classes that came after Humble."""

KEYWORDS_AFTER_HUMBLE: Final = frozenset(
    ["content_filter_options", "enable_logger_service", "incompatible_type", "matched", "publisher_matched"]
)
"""Keyword arguments of rclpy that came after Humble."""
