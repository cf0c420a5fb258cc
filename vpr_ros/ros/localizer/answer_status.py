# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""``~/status``: what became of one image, for an operator and for whoever records it."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from vpr_ros.localization import Localization
from vpr_ros.localization.answer_values import answer_values
from vpr_ros.localization.sentences import answer_sentence
from vpr_ros.ros.error_log import printable, sentence
from vpr_ros.ros.localizer.failures import failure_type
from vpr_ros.ros.messages import to_time

FAILED, SILENT = "failed", "silent"
"""What stands for the decision where there is none."""


def answered_status(node: str, localization: Localization, latency_ms: float) -> DiagnosticArray:
    """OK where the answer was accepted, WARN where not; the message is the sentence that says why.

    Args:
        node: full name of the node.
        localization: the answer.
        latency_ms: from the callback that got the image to the published answer.
    """
    level = DiagnosticStatus.OK if localization.accepted else DiagnosticStatus.WARN
    values = {**answer_values(localization), "latency [ms]": f"{latency_ms:.1f}"}
    return _array(node, localization.stamp_ns, level, answer_sentence(localization), values)


def failed_status(node: str, camera: str, stamp_ns: int, error: Exception) -> DiagnosticArray:
    """ERROR: the image got no answer."""
    values = {"decision": f"{FAILED} {failure_type(error).value}", "camera": camera}
    return _array(node, stamp_ns, DiagnosticStatus.ERROR, sentence(error), values)


def silent_status(node: str, stamp_ns: int, silent_s: float | None) -> DiagnosticArray:
    """STALE: there is no image to answer.

    Args:
        node: full name of the node.
        stamp_ns: of the last image, or now.
        silent_s: how long none has come; None before the first.
    """
    message = "no image yet" if silent_s is None else f"no image for {silent_s:.1f} s"
    return _array(node, stamp_ns, DiagnosticStatus.STALE, message, {"decision": SILENT})


def _array(node: str, stamp_ns: int, level: bytes, message: str, values: Mapping[str, str]) -> DiagnosticArray:
    pairs = [KeyValue(key=printable(key), value=printable(value)) for key, value in values.items()]
    status = DiagnosticStatus(name=f"{node}: answer", level=level, message=printable(message), hardware_id=node)
    status.values = pairs
    array = DiagnosticArray(status=[status])
    array.header.stamp = to_time(stamp_ns)
    return array
