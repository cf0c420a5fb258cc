# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The TF of all robots in a bag: each namespace has a tree of its own, and a camera is looked up in its robot's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from vpr_ros.core.errors import SourceError
from vpr_ros.core.pose import Pose
from vpr_ros.sources.bag_images import ImageTopic
from vpr_ros.sources.bag_recording import BagRecording, RawMessage
from vpr_ros.sources.clock_offset import disagreement
from vpr_ros.sources.frame_tree import OTHER_POSES, Edge, FrameTree


class FrameTrees:
    """``/tf`` and ``/tf_static`` of every namespace. Robots of one fleet use the same frame names.

    Attributes:
        notices: what was looked up and could not be used, one sentence each.
    """

    def __init__(self) -> None:
        self.notices: list[str] = []
        self._trees: dict[str, FrameTree] = {}
        self._joined: dict[str, FrameTree] = {}
        self._topics: dict[str, list[str]] = {}
        self._looked_up: dict[tuple[str, str], str] = {}
        self._unread: dict[str, list[str]] = {}
        self._broken: set[tuple[str, str, str]] = set()

    def take(self, recording: BagRecording, raw: RawMessage) -> None:
        """Note one ``TFMessage``; one that does not deserialise is counted."""
        try:
            transforms = recording.decode(raw).transforms
        except SourceError as error:
            self._unread.setdefault(raw.topic, []).append(error.problem)
            return
        namespace = raw.topic.rpartition("/")[0]
        topics = self._topics.setdefault(namespace, [])
        if raw.topic not in topics:
            topics.append(raw.topic)
        self._trees.setdefault(namespace, FrameTree()).take(raw, transforms)

    def tree(self, topic: str, target: str, source: str) -> FrameTree:
        """The tree in which what *topic* shows is looked up from *source* to *target*.

        That of the topic's own namespace, with those above it. A topic in no namespace with TF, or one that "/tf" does
        not help, takes the only tree that knows both frames.

        Raises:
            SourceError: several others know them.
        """
        own = self._above(topic)
        if own is not None and (own or self._joint(own).connects(target, source)):
            return self._used(topic, target, own)
        able = [name for name in self._trees if self._joint(name).connects(target, source)]
        if len(able) > 1:
            several = " and ".join(topic for name in able for topic in self._topics[name])
            raise SourceError(
                f"{source!r} and {target!r} are frames of several TF trees, and none of them is in the namespace of "
                f"{topic}: {several}",
                f"Record one robot per bag, or {OTHER_POSES}",
            )
        if able and len(self._trees) > 1:
            self._notice(f"the frames of {topic} are looked up in {' and '.join(self._topics[able[0]])}")
        if able:
            return self._used(topic, target, able[0])
        return FrameTree() if own is None else self._joint(own)

    def mount(self, topic: str, base: str, frame: str) -> Pose | None:
        """``T_base_frame`` where only static transforms lie between; why it cannot be told is a notice."""
        try:
            tree = self.tree(topic, base, frame)
            for sentence in tree.contested():
                self._notice(f"{sentence}; what lies above it is not used")
            return tree.rigid(base, frame)
        except SourceError as error:
            self._notice(f"how {frame} sits on {base} is not known: {error.problem}")
            self._broken.add((topic, base, frame))
            return None

    def _notice(self, sentence: str) -> None:
        if sentence not in self.notices:
            self.notices.append(sentence)

    def is_broken(self, topic: str, base: str, frame: str) -> bool:
        """Whether ``mount`` found a way between the frames that cannot be used."""
        return (topic, base, frame) in self._broken

    def unread(self) -> list[str]:
        """A sentence for each topic with messages that do not deserialise."""
        return [f"{len(why)} messages of {topic} left out: {why[0]}" for topic, why in self._unread.items()]

    def skipped(self) -> Counter[str]:
        """Transforms that cannot be used, by reason, of all that were looked up."""
        return sum((tree.skipped() for tree in self._joined.values()), Counter[str]())

    def remarks(self) -> list[str]:
        """See ``FrameTree.remarks``."""
        return [sentence for tree in self._joined.values() for sentence in tree.remarks()]

    def disagreements(self, target: str, cameras: Sequence[ImageTopic]) -> list[str]:
        """A sentence where the clock of a camera is not that of the transforms it was looked up in."""
        return [
            sentence
            for camera in cameras
            if (name := self._looked_up.get((camera.topic, target))) is not None
            for transform, clock in self._joint(name).clocks()
            for sentence in disagreement(camera.topic, camera.clock, transform, clock)
        ]

    def several(self, target: str, topics: Collection[str]) -> list[str]:
        """A sentence where *topics* were looked up in trees of several robots, each of which has a frame *target*."""
        names = {name for topic in topics if (name := self._looked_up.get((topic, target))) is not None}
        owners = sorted({name for name in names if target in self._trees[name].frames})
        if len(owners) < 2:
            return []
        listed = " and ".join(topic for name in owners for topic in self._topics[name])
        return [f"frame {target!r} of {listed} is taken for one and the same; if it is not, choose one --image-topic"]

    def _used(self, topic: str, target: str, name: str) -> FrameTree:
        self._looked_up[topic, target] = name
        return self._joint(name)

    def _above(self, topic: str) -> str | None:
        """The deepest namespace with TF that *topic* lies in."""
        above = [name for name in self._trees if topic.startswith(f"{name}/")]
        return max(above, key=len, default=None)

    def _joint(self, namespace: str) -> FrameTree:
        """The tree of a namespace with those above it; what the deeper one says of a frame counts."""
        if namespace not in self._joined:
            chain = [name for name in self._trees if f"{namespace}/".startswith(f"{name}/")]
            edges: dict[str, Mapping[str, Edge]] = {}
            for name in sorted(chain, key=len):
                edges.update(self._trees[name].edges)
            self._joined[namespace] = FrameTree(edges)
        return self._joined[namespace]
