# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where the poses of a bag's images come from: a pose topic, the bag's TF, or a trajectory file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from vpr_ros.core.errors import SourceError
from vpr_ros.core.frames import GeoDatum, PositionSigma
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_images import ImageTopic
from vpr_ros.sources.bag_poses import TopicPoses
from vpr_ros.sources.clock_offset import disagreement
from vpr_ros.sources.frame_trees import FrameTrees
from vpr_ros.sources.options import SourceOptions
from vpr_ros.sources.pose_track import PoseSamples, PoseTrack, pose_track
from vpr_ros.sources.time_range import Stamps
from vpr_ros.sources.trajectory_file import read_trajectory

PoseReader = Callable[[ImageTopic, Stamps], Sequence[Pose | None]]
DEFAULT_MAP_FRAME = "map"


@dataclass(frozen=True, eq=False)
class BagTruth:
    """How the poses are read and what they are poses of.

    Attributes:
        origin: for people.
        map_frame_id: the frame the poses are given in.
        read: poses of a camera's images at (M,) times; raises ClockError and SourceError.
        mounts: ``T_base_camera`` by image topic, None where unknown.
        datum: origin of the local frame when the poses came from GPS.
        skipped: poses that cannot be used, by reason; complete when everything has been read.
        warnings: what a person should know, one sentence each.
        noticed: more of these, for the cameras that are used; complete when everything has been read.
        position_sigma: of the positions, where the messages declare it.
    """

    origin: str
    map_frame_id: str
    read: PoseReader
    mounts: Mapping[str, Pose | None] = field(default_factory=dict)
    datum: GeoDatum | None = None
    skipped: Callable[[], Counter[str]] = Counter
    warnings: tuple[str, ...] = ()
    noticed: Callable[[Sequence[ImageTopic]], Sequence[str]] = lambda _: ()
    position_sigma: PositionSigma | None = None


def choose_truth(
    options: SourceOptions, cameras: Sequence[ImageTopic], poses: TopicPoses | None, trees: FrameTrees
) -> BagTruth:
    """Take the poses the options ask for; *poses* is the topic that was chosen.

    Raises:
        SourceError: the trajectory has no times; or, where poses are required, no pose is usable.
        ClockError: where poses are required, their time jumps backwards.
    """
    if options.poses is not None:
        return _from_file(options, cameras, trees)
    if poses is not None:
        try:
            return _from_topic(options, cameras, poses, trees)
        except SourceError as error:
            if options.require_poses:
                raise
            return no_truth(f"poses of {poses.topic} are not used: {error.problem}")
    return no_truth() if options.map_frame is None else _from_tree(options, options.map_frame, cameras, trees)


def no_truth(*warnings: str) -> BagTruth:
    """Nobody knows where the images were taken."""
    return BagTruth("nothing", DEFAULT_MAP_FRAME, lambda _, stamps_ns: [None] * len(stamps_ns), warnings=warnings)


def _from_file(options: SourceOptions, cameras: Sequence[ImageTopic], trees: FrameTrees) -> BagTruth:
    file = options.poses
    assert file is not None
    trajectory = read_trajectory(file)
    if trajectory.timed is None:
        raise SourceError(
            f"{file} is a {trajectory.format} trajectory without times, a bag's images have no names",
            "Give a TUM or EuRoC trajectory",
        )
    track = pose_track(str(file), trajectory.timed)
    return BagTruth(
        f"trajectory {file.name}",
        options.map_frame or DEFAULT_MAP_FRAME,
        partial(_timed, track, None, options),
        {c.topic: trees.mount(c.topic, options.base_frame, c.frame_id) for c in cameras},
        skipped=lambda: track.skipped,
        noticed=lambda _: trees.notices,
    )


def _from_topic(
    options: SourceOptions, cameras: Sequence[ImageTopic], poses: TopicPoses, trees: FrameTrees
) -> BagTruth:
    track, datum = poses.track()
    base = options.base_frame
    child = poses.child_frame_id or base
    T_child_base = None if child == base else trees.mount(poses.topic, child, base)
    warnings: tuple[str, ...] = ()
    if child != base and T_child_base is None:
        warnings = (f"poses of {poses.topic} are those of {child}: no static TF leads from there to {base}",)
        base = child
    # A GPS message names the frame of its antenna; its local frame has no name of its own.
    recorded_frame = DEFAULT_MAP_FRAME if datum is not None else poses.frame_id
    return BagTruth(
        poses.topic,
        options.map_frame or recorded_frame or DEFAULT_MAP_FRAME,
        partial(_timed, track, T_child_base, options),
        {c.topic: trees.mount(c.topic, base, c.frame_id) for c in cameras},
        datum,
        lambda: track.skipped,
        warnings,
        lambda used: [
            *poses.remarks(),
            *(s for c in used for s in disagreement(c.topic, c.clock, poses.topic, poses.clock)),
            *trees.notices,
        ],
        poses.position_sigma,
    )


def _from_tree(options: SourceOptions, map_frame: str, cameras: Sequence[ImageTopic], trees: FrameTrees) -> BagTruth:
    base = options.base_frame
    camera_frames = {c.topic: options.camera_frame or c.frame_id for c in cameras}
    mounts = {topic: trees.mount(topic, base, frame) for topic, frame in camera_frames.items()}

    def read(camera: ImageTopic, stamps_ns: Stamps) -> Sequence[Pose | None]:
        # Where the base is rigidly linked to the camera, poses are those of the base.
        frame = camera_frames[camera.topic]
        is_linked = mounts[camera.topic] is not None or trees.is_broken(camera.topic, base, frame)
        source = base if is_linked else frame
        tree = trees.tree(camera.topic, map_frame, source)
        return tree.lookup(map_frame, source, stamps_ns, options.max_gap_ns, options.require_poses).poses()

    return BagTruth(
        f"TF {map_frame}",
        map_frame,
        read,
        mounts,
        skipped=trees.skipped,
        noticed=lambda used: [
            *trees.remarks(),
            *trees.notices,
            *trees.several(map_frame, [c.topic for c in used]),
            *trees.disagreements(map_frame, used),
        ],
    )


def _timed(
    track: PoseTrack, T_child_base: Pose | None, options: SourceOptions, _: ImageTopic, stamps_ns: Stamps
) -> Sequence[Pose | None]:
    samples = track.at(stamps_ns, options.max_gap_ns, options.require_poses)
    if T_child_base is not None:
        samples = samples.compose(PoseSamples.fixed(T_child_base, len(stamps_ns)))
    return samples.poses()
