# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which topics of a bag are read: those a user names, however roughly, or those that are the only choice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from vpr_ros.core.errors import SourceError
from vpr_ros.core.image_codec import RAW_ENCODINGS, is_picture_format
from vpr_ros.sources.bag_files import shown
from vpr_ros.sources.bag_images import ImageTopic, camera_name
from vpr_ros.sources.bag_messages import IMAGE_TYPES, POSE_TYPES, TF_MESSAGE
from vpr_ros.sources.bag_recording import BagRecording
from vpr_ros.sources.options import SourceOptions

DEPTH_SUFFIX: Final = "/compressedDepth"
_PNG_KIND: Final = slice(24, 26)
_GREY_16_BITS: Final = bytes([16, 0])


def image_topics(recording: BagRecording, options: SourceOptions) -> list[str]:
    """The topics of the cameras asked for, or of all of them. A camera recorded both ways is read uncompressed.

    Raises:
        SourceError: a topic is not in the bag, or there is none.
    """
    found = [topic for topic, type_name in recording.types.items() if type_name in IMAGE_TYPES]
    cameras = [topic for topic in found if camera_name(topic) == topic or camera_name(topic) not in found]
    if options.image_topics:
        chosen = [_match(recording, given, found, cameras, "images", "--image-topic") for given in options.image_topics]
        return list(dict.fromkeys(chosen))
    if not found:
        topics = ", ".join(sorted(recording.types)) or "none"
        also = "".join(f"; {sentence}" for sentence in [*recording.notices, *recording.missing])
        raise SourceError(
            f"{shown(recording.path)} holds no image; its topics are {topics}{also}",
            "Record sensor_msgs/Image or CompressedImage",
        )
    return cameras


def depth_topic(recording: BagRecording, options: SourceOptions) -> str | None:
    """The topic of depth images, if one is read.

    Raises:
        SourceError: it is not in the bag.
    """
    if options.depth_topic is None or not options.depth_images:
        return None
    found = [topic for topic, type_name in recording.types.items() if type_name in IMAGE_TYPES]
    return _match(recording, options.depth_topic, found, found, "depth images", "--depth-topic")


def readable_cameras(
    recording: BagRecording, options: SourceOptions, cameras: Sequence[ImageTopic]
) -> tuple[list[ImageTopic], list[str]]:
    """Leave out the cameras whose pixels cannot be decoded, with a sentence for each; chosen ones stay.

    Raises:
        SourceError: none of them, or none of the images of a chosen one, can be decoded.
    """
    if options.image_topics:
        if (empty := next((camera for camera in cameras if not camera.keys), None)) is not None:
            raise SourceError(
                f"no image of {empty.topic} in {shown(recording.path)} can be read: {_kind(empty)}",
                "Choose another camera with --image-topic",
            )
        return list(cameras), []
    readable = [camera for camera in cameras if _is_readable(camera)]
    unknown = [f"{camera.topic} ({_kind(camera)})" for camera in cameras if not _is_readable(camera)]
    if not readable:
        raise SourceError(
            f"no image topic of {shown(recording.path)} can be decoded: {', '.join(unknown)}; expected one of "
            f"{', '.join(RAW_ENCODINGS)}, or a compressed image",
            "Record a colour or grey camera",
        )
    return readable, [f"not read, because the encoding is unknown: {', '.join(unknown)}"] if unknown else []


def cameras_of_others(
    recording: BagRecording, options: SourceOptions, pose_topic: str | None, cameras: Sequence[ImageTopic]
) -> tuple[list[ImageTopic], list[str]]:
    """Leave out the cameras of robots that the poses are not of, with a sentence; chosen ones stay.

    Another robot is a namespace with a pose topic of the same type and name, and with cameras of its own, beside the
    one that the poses and other cameras are in.
    """
    if pose_topic is None or options.image_topics:
        return list(cameras), []
    left_out: dict[str, str] = {}
    for twin, type_name in recording.types.items():
        if twin == pose_topic or type_name != recording.types[pose_topic]:
            continue
        mine, other = _namespaces(pose_topic, twin)
        if mine and other and any(camera.topic.startswith(f"{mine}/") for camera in cameras):
            theirs = [camera.topic for camera in cameras if camera.topic.startswith(f"{other}/")]
            left_out.update(dict.fromkeys(theirs, twin))
    sentences = [
        f"{topic} is not read: the poses are those of {pose_topic}, and {twin} is another robot's; if it is the same "
        "robot, name the cameras with --image-topic"
        for topic, twin in left_out.items()
    ]
    return [camera for camera in cameras if camera.topic not in left_out], sentences


def _namespaces(first: str, second: str) -> tuple[str, str]:
    """What two topics begin with before the parts at their end that they share; "" where they share none."""
    parts, others = first.split("/"), second.split("/")
    shared = 0
    while shared < min(len(parts), len(others)) and parts[-1 - shared] == others[-1 - shared]:
        shared += 1
    return ("/".join(parts[:-shared]), "/".join(others[:-shared])) if shared else ("", "")


def pose_topic(recording: BagRecording, options: SourceOptions) -> tuple[str | None, list[str]]:
    """The pose topic, if one is read, and a sentence where several could have been and none was chosen.

    Raises:
        SourceError: it is not in the bag; or poses are required and there is none, or several and none chosen.
    """
    from_tf = options.map_frame is not None and TF_MESSAGE in recording.types.values()
    if options.poses is not None or (from_tf and options.pose_topic is None):
        return None, []
    found = [topic for topic, type_name in recording.types.items() if type_name in POSE_TYPES]
    if options.pose_topic is not None:
        return _match(recording, options.pose_topic, found, found, "poses", "--pose-topic"), []
    if len(found) == 1:
        return found[0], []
    several = f"several pose topics: {_listed(recording, found)}"
    if not options.require_poses:
        return None, [f"poses are not used, there are {several}; choose one with --pose-topic"] if found else []
    if found:
        raise SourceError(f"{shown(recording.path)} has {several}", "Choose one with --pose-topic")
    file = "give a trajectory with --poses FILE"
    if TF_MESSAGE in recording.types.values():
        remedy = f"Take poses from its TF with --map-frame, for example map or odom, or {file}"
    else:
        remedy = f"{file[0].upper()}{file[1:]}, or record odometry, poses, GPS or TF beside the images"
    raise SourceError("; ".join([f"{shown(recording.path)} has no pose topic", *recording.missing]), remedy)


def _match(
    recording: BagRecording, given: str, found: Collection[str], preferred: Collection[str], what: str, option: str
) -> str:
    """The topic called *given*: with or without the leading slash, a part of its namespace, or ``/compressed``."""
    for exact in (given, f"/{given}", f"{given}/compressed", f"/{given}/compressed"):
        if exact in found:
            return exact
    parts = f"/{given.strip('/')}/"
    near = [topic for topic in preferred if parts in f"{topic}/"]
    if len(near) == 1:
        return near[0]
    kind = "pose" if what == "poses" else "image"
    ambiguous = f"; {given} could be {' or '.join(near)}" if near else ""
    raise SourceError(
        f"{shown(recording.path)} has no {what} on {given}; "
        f"its {kind} topics are {_listed(recording, found)}{ambiguous}",
        f"Choose one of them with {option}" + (", or leave it out" if what == "depth images" else ""),
    )


def _listed(recording: BagRecording, topics: Collection[str]) -> str:
    return ", ".join(f"{topic} ({recording.types[topic]})" for topic in topics) or "none"


def _is_readable(camera: ImageTopic) -> bool:
    if camera.encoding is None or camera.topic.endswith(DEPTH_SUFFIX) or _is_deep_grey(camera):
        return False
    return is_picture_format(camera.encoding) if camera.is_compressed else camera.encoding.lower() in RAW_ENCODINGS


def _is_deep_grey(camera: ImageTopic) -> bool:
    """Whether a topic that calls itself depth holds what depth is compressed as: PNG of one channel with 16 bits."""
    kind = camera.sample[_PNG_KIND] if camera.sample.startswith(b"\x89PNG") else b""
    named = any("depth" in part for part in camera.topic.lower().split("/"))
    return kind == _GREY_16_BITS and named and not (camera.encoding or "").startswith("mono16")


def _kind(camera: ImageTopic) -> str:
    if camera.encoding is None:
        return camera.unread[0] if camera.unread else "no message"
    said = camera.encoding.strip()
    return f"{said}, 16-bit depth" if _is_deep_grey(camera) and is_picture_format(said) else said
