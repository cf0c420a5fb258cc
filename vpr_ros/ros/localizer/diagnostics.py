# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the node says about itself once a second on ``/diagnostics``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from vpr_ros.localization import Localizer, RejectionType
from vpr_ros.localization.sentences import in_force_words
from vpr_ros.maps.local_entry import LocalEntry
from vpr_ros.maps.manifest import MapManifest
from vpr_ros.maps.map_warnings import calibration_warning, index_warning
from vpr_ros.maps.remote.index import MilvusIndex
from vpr_ros.maps.remote.states import REMEDIES, RemoteState
from vpr_ros.ros.error_log import ErrorLog, printable
from vpr_ros.ros.localizer.camera_inputs import CameraInput
from vpr_ros.ros.localizer.failures import OF_AN_IMAGE, FailureType
from vpr_ros.ros.localizer.frame_names import map_frame_warning
from vpr_ros.ros.localizer.map_to_odom import SOURCE as MAP_TO_ODOM
from vpr_ros.ros.localizer.rig import RigReport
from vpr_ros.ros.localizer.setup import LocalizerSetup
from vpr_ros.ros.localizer.statistics import Latencies
from vpr_ros.ros.messages import to_time

_Type = TypeVar("_Type", RejectionType, FailureType)


@dataclass(frozen=True, eq=False)
class NodeStatus:
    """What there is to say.

    Attributes:
        name: the node's fully qualified name.
        state: lifecycle state, e.g. "active".
        setup: None while unconfigured.
        failed_start: why configuring failed, "" if it did not.
        cameras: empty while not active.
        warnings: what the node lacks of others, a sentence each.
        stuck: what to say about a model that does not return, "" while it does.
        initial_pose: how far the hand-over of the initial pose is, "" where it is not asked for.
        rig: how several cameras answer together; None of a single one.
    """

    name: str
    state: str
    setup: LocalizerSetup | None
    failed_start: str
    cameras: Sequence[CameraInput]
    latencies: Latencies
    errors: ErrorLog
    warnings: Sequence[str] = ()
    stuck: str = ""
    initial_pose: str = ""
    rig: RigReport | None = None


def to_diagnostics(status: NodeStatus, stamp_ns: int) -> DiagnosticArray:
    """Build the array: localizer, map, its index where that is remote, calibration, model, and one entry per camera."""
    entries = [_localizer(status)]
    if status.setup is not None:
        entries += [_map(status.setup), *_remote_index(status.setup), _calibration(status.setup), _model(status.setup)]
        entries += [_camera(camera, status.setup, status.errors) for camera in status.cameras]
    if status.rig is not None:
        level = DiagnosticStatus.WARN if status.rig.faults else DiagnosticStatus.OK
        entries.append(_entry("rig", level, ". ".join([*status.rig.faults, status.rig.message]), status.rig.values))
    array = DiagnosticArray()
    array.header.stamp = to_time(stamp_ns)
    for entry in entries:
        entry.name = f"{status.name}: {entry.name}"
        entry.hardware_id = status.name
    array.status = entries
    return array


def _localizer(status: NodeStatus) -> DiagnosticStatus:
    faults = [_fault(camera, status.errors) for camera in status.cameras if camera.statistics.failing]
    last = status.errors.last
    if status.failed_start:
        level, message = DiagnosticStatus.ERROR, status.failed_start
    elif status.stuck:
        level, message = DiagnosticStatus.ERROR, status.stuck
    elif faults:
        level, message = DiagnosticStatus.ERROR, " ".join(dict.fromkeys(faults))
    elif status.state == "finalized":
        level, message = DiagnosticStatus.WARN, "finalized: the node was shut down for good, start its process again"
    elif status.state != "active":
        level, message = DiagnosticStatus.WARN, f"{status.state}: configure and activate the node"
    elif status.setup is not None and all(_is_silent(camera, status.setup) for camera in status.cameras):
        level, message = DiagnosticStatus.WARN, "no camera delivers images"
    elif (unsent := status.errors.last_of(MAP_TO_ODOM)) is not None:
        level, message = DiagnosticStatus.ERROR, f"{unsent.problem}. {unsent.remedy}."
    else:
        level, message = DiagnosticStatus.OK, "localizing"
    if status.warnings:
        level, message = max(level, DiagnosticStatus.WARN), ". ".join([message.rstrip("."), *status.warnings])
    values: dict[str, object] = {
        "state": status.state,
        "accepted": sum(camera.statistics.accepted for camera in status.cameras),
        "rejected": sum(camera.statistics.rejected for camera in status.cameras),
        **_by_type("rejected", RejectionType, [camera.statistics.rejections for camera in status.cameras]),
        "failed": sum(camera.statistics.failed for camera in status.cameras),
        **_by_type("failed", OF_AN_IMAGE, [camera.statistics.failures for camera in status.cameras]),
    }
    for stage, (p50_ms, p95_ms) in status.latencies.percentiles_ms().items():
        values[f"{stage} p50 [ms]"] = f"{p50_ms:.2f}"
        values[f"{stage} p95 [ms]"] = f"{p95_ms:.2f}"
    values |= _belief(status.setup)
    if status.initial_pose:
        values["initial pose"] = status.initial_pose
    if last is not None:
        values["last error"] = f"{last.problem}."
        values["last error remedy"] = f"{last.remedy}."
        values["last error age [s]"] = f"{time.monotonic() - last.at_s:.0f}"
    return _entry("localizer", level, message, values)


def _belief(setup: LocalizerSetup | None) -> dict[str, object]:
    """What the filter believes, or why there is none."""
    if setup is None:
        return {}
    place_filter = setup.localizer.place_filter
    if place_filter is None:
        return {"filter": "off: filter.enabled is false" if setup.settings.continuous else "off: continuous is false"}
    last = place_filter.last
    if last is None:
        return {"filter": "on, no image yet"}
    places = (f"{place.mass:.2f} at frame {place.frame_index}" for place in last.hypotheses)
    return {
        "filter": "on" if last.by_sequence else "on, the last image was judged alone",
        "belief off the map": f"{last.off_map:.2f}",
        "belief elsewhere on the map": f"{last.elsewhere:.2f}",
        "hypotheses": ", ".join(places) or "none",
        "motion": last.motion,
        **{f"filter began anew, {why}": count for why, count in place_filter.restarts.items()},
    }


def _map(setup: LocalizerSetup) -> DiagnosticStatus:
    place_map = setup.place_map
    values = {
        "path": place_map.path,
        "frames": len(place_map),
        "frame_id": setup.map_frame,
        "origin [m]": " ".join(f"{value_m:.10g}" for value_m in place_map.manifest.origin_m or (0.0, 0.0, 0.0)),
        "local features": _local_features(None if place_map.local is None else place_map.local.entry),
        **place_map.index.state(),
        "created": place_map.manifest.created_utc,
        "on disk": "yes",
    }
    warning = map_frame_warning(setup.settings, setup.map_frame) or index_warning(place_map)
    if place_map.is_current() and warning:
        return _entry("map", DiagnosticStatus.WARN, warning, values)
    if place_map.is_current():
        return _entry("map", DiagnosticStatus.OK, f"{len(place_map)} frames", values)
    gone = not os.path.exists(place_map.path)  # noqa: PTH110, which raises where a folder above may not be read
    values["on disk"] = "deleted" if gone else "changed"
    event, remedy = ("deleted", "Restore it, or set") if gone else ("replaced", "To use the new one set")
    found = f"the map {place_map.path} was {event} on disk, the node goes on with the opened one"
    message = f"{found}. {remedy} the parameter map"
    return _entry("map", DiagnosticStatus.WARN, f"{message}.", values)


def _remote_index(setup: LocalizerSetup) -> list[DiagnosticStatus]:
    """How it stands with the server that has the map's descriptors; nothing where they lie in its folder."""
    index = setup.place_map.index
    if not isinstance(index, MilvusIndex):
        return []
    status = index.status
    values = {**index.state(), "time limit [ms]": f"{1e3 * index.time_limit_s:g}"}
    if status.state is RemoteState.READY:
        return [_entry("index", DiagnosticStatus.OK, f"ready: {index.address}", values)]
    problem = status.problem or f"the connection to {index.address} is being made"
    message = f"{status.state.value}: {problem}. {status.remedy or REMEDIES[status.state]}."
    is_new = status.state is RemoteState.CONNECTING
    return [_entry("index", DiagnosticStatus.WARN if is_new else DiagnosticStatus.ERROR, message, values)]


def _local_features(entry: LocalEntry | None) -> str:
    if entry is None:
        return "none"
    return f"{entry.name} {entry.version}, {100 * entry.share_with_depth:.0f} % of the keypoints have a depth"


def _calibration(setup: LocalizerSetup) -> DiagnosticStatus:
    manifest = setup.place_map.manifest
    calibration = manifest.calibration
    values = {
        "kind": calibration.kind,
        "right answers": calibration.samples_right,
        "wrong answers": calibration.samples_wrong,
        "radius [m]": f"{calibration.radius_m:.2f}",
        "calibrated on": "; ".join(drive.words for drive in manifest.drives) or "none",
        **_promise(setup.localizer),
    }
    warning = calibration_warning(setup.place_map)
    level = DiagnosticStatus.WARN if warning else DiagnosticStatus.OK
    return _entry("calibration", level, warning or _calibrated_on(manifest), values)


def _calibrated_on(manifest: MapManifest) -> str:
    """What the stated probabilities rest on."""
    if manifest.restated is None:
        return "fitted on the map's own frames"
    return f"held against drives with known poses: {len(manifest.drives)}"


def _promise(localizer: Localizer) -> dict[str, object]:
    """What accepted answers are vouched for."""
    vouched = localizer.promise
    return {
        "promise": in_force_words(vouched, localizer.config),
        "wrong rate vouched for": "none" if vouched is None else f"{vouched.rate:g}",
        "wrong rate asked for": f"{localizer.config.max_wrong_rate:g}",
        "promise source": "none" if vouched is None else vouched.source,
    }


def _model(setup: LocalizerSetup) -> DiagnosticStatus:
    info, extractor = setup.extractor.info, setup.extractor
    values = {
        "name": info.name,
        "version": info.version,
        "provider": extractor.provider,
        "precision": info.precision,
        "input [px]": f"{info.preprocessing.width_px}x{info.preprocessing.height_px}",
        "descriptor_dim": info.descriptor_dim,
        "sha256": extractor.sha256,
    }
    message = f"{info.name} {info.version} on {extractor.provider}"
    events = extractor.events
    values |= {f"{event.kind} {event.provider}": event.message for event in events}
    if events and events[-1].kind == "building":
        message += f", {events[-1].message}"
    return _entry("model", DiagnosticStatus.OK, message, values)


def _is_silent(camera: CameraInput, setup: LocalizerSetup) -> bool:
    silent_s = camera.statistics.silent_s()
    return silent_s is None or silent_s > setup.settings.camera_timeout_s


def _camera(camera: CameraInput, setup: LocalizerSetup, errors: ErrorLog) -> DiagnosticStatus:
    counts = camera.statistics
    silent_s = counts.silent_s()
    publishers = camera.publishers()
    if _is_silent(camera, setup):
        level = DiagnosticStatus.WARN
        since = "no image yet" if silent_s is None else f"no image for {silent_s:.1f} s"
        hint = "check its QoS and image type" if publishers else "check the driver, the topic name and the remapping"
        message = f"{since} on {' or '.join(camera.subscribed_topics)} ({publishers} publishers): {hint}."
        message = " ".join(filter(None, [message, camera.gaps.fault()]))  # all of them may be lost
    elif counts.failing:
        level, message = DiagnosticStatus.ERROR, _fault(camera, errors)
    else:
        level, message = DiagnosticStatus.OK, f"{counts.input.hz():.1f} Hz in, {counts.output.hz():.1f} Hz out"
        if gaps := camera.gaps.fault():
            level, message = DiagnosticStatus.WARN, f"{message}: {gaps}"
    values = {
        "topics": " ".join(camera.subscribed_topics),
        "publishers": publishers,
        "input [Hz]": f"{counts.input.hz():.1f}",
        "output [Hz]": f"{counts.output.hz():.1f}",
        "received": counts.received,
        "processed": counts.processed,
        "dropped": counts.dropped,
        "lost in transport": counts.lost_in_transport,
        "failed": counts.failed,
        **_by_type("failed", OF_AN_IMAGE, [counts.failures]),
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        **_by_type("rejected", RejectionType, [counts.rejections]),
        "last rejection": counts.last_rejection.value if counts.last_rejection else "none",
        "last reason": counts.last_reason,
        "without stamp": counts.without_stamp,
        "time jumps back": counts.time_jumps_back,
        "extrinsics": setup.extrinsics.origins.get(camera.name, "unknown"),
    }
    if setup.localizer.verifies:
        values |= {
            "intrinsics": camera.info.origin if camera.info else "unknown",
            "accepted geometric": counts.geometric,
            "accepted retrieved": counts.accepted - counts.geometric,
            "last pose": counts.last_source or "none",
        }
    return _entry(f"camera {camera.name}", level, message, values)


def _by_type(what: str, types: Iterable[_Type], counts: Sequence[Mapping[_Type, int]]) -> dict[str, int]:
    """One value for each type, such as "rejected improbable", zero too: who reads it need not know which come up."""
    return {f"{what} {kind.value}": sum(count[kind] for count in counts) for kind in types}


def _fault(camera: CameraInput, errors: ErrorLog) -> str:
    """What is wrong with the images of *camera*, not with another one or with the last parameter that was refused."""
    fault = errors.last_of(f"camera {camera.name}")
    return "its images fail, see the log." if fault is None else f"{fault.problem}. {fault.remedy}."


def _entry(name: str, level: bytes, message: str, values: Mapping[str, object]) -> DiagnosticStatus:
    pairs = [KeyValue(key=key, value=printable(str(value))) for key, value in values.items()]
    return DiagnosticStatus(name=name, level=level, message=printable(message), values=pairs)
