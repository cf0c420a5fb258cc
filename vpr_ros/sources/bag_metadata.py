# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a bag's ``metadata.yaml`` says: which files there are and how many messages they should hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from vpr_ros.core.errors import SourceError
from vpr_ros.core.files import read_yaml

METADATA: Final = "metadata.yaml"


@dataclass(frozen=True)
class BagMetadata:
    """The part of ``metadata.yaml`` that reading needs.

    Attributes:
        files: names of the storage files, in order; all of them lie beside ``metadata.yaml``.
        promised: number of messages by topic.
    """

    files: tuple[str, ...]
    promised: Mapping[str, int]


def read_metadata(folder: Path) -> BagMetadata:
    """Read ``metadata.yaml`` of *folder*, of any version: the storage files say the rest themselves.

    Raises:
        SourceError: it cannot be read, or is not what rosbag2 writes.
    """
    file = folder / METADATA
    content = read_yaml(file, SourceError)
    try:
        about = content["rosbag2_bagfile_information"]
        files = tuple(PurePath(str(name)).name for name in about["relative_file_paths"])
        promised = Counter[str]()
        for topic in about["topics_with_message_count"]:
            promised[str(topic["topic_metadata"]["name"])] += int(topic["message_count"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{file} is not what rosbag2 writes ({type(error).__name__}: {error})",
            "Write it again with `ros2 bag reindex`, or remove it: the storage files are read without it too",
        ) from error
    return BagMetadata(files, promised)


def differences(promised: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """A sentence where a topic's messages are not as many as promised; *found* names the topics that matter."""
    parts = [
        f"{promised[topic]} of {topic} promised, {count} found"
        for topic, count in found.items()
        if promised.get(topic, count) != count
    ]
    return [f"{METADATA} and the recording differ: {'; '.join(parts)}"] if parts else []
