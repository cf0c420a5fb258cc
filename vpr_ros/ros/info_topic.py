# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where the ``camera_info`` of a camera's images is."""

from __future__ import annotations

from rclpy.node import Node

from vpr_ros.core.camera_info import INFO_NAME


def info_topic(node: Node, image_topic: str) -> str:
    """``camera_info`` beside the raw images, wherever these were remapped to, unless it was remapped itself."""
    own = f"{image_topic[: image_topic.rfind('/') + 1]}{INFO_NAME}"
    resolved: str = node.resolve_topic_name(own)
    if resolved != node.resolve_topic_name(own, only_expand=True):
        return resolved
    return f"{node.resolve_topic_name(image_topic).rpartition('/')[0]}/{INFO_NAME}"
