# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which files a recording is made of, whatever its ``metadata.yaml`` has to say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vpr_ros.core.errors import SourceError
from vpr_ros.core.printable import printable
from vpr_ros.sources.bag_metadata import METADATA, BagMetadata, read_metadata
from vpr_ros.sources.image_file import natural_key

BAG_SUFFIXES: Final = (".db3", ".mcap")


@dataclass(frozen=True)
class BagFiles:
    """The storage files of a recording.

    Attributes:
        paths: what to read, in the order of recording.
        promised: number of messages by topic, where ``metadata.yaml`` says so.
        notices: one sentence for each thing that is not as it should be.
    """

    paths: tuple[Path, ...]
    promised: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def shown(path: Path | str) -> str:
    """A path for people, see ``printable``."""
    return printable(str(path))


def find_bag_files(path: Path) -> BagFiles:
    """The files of the recording *path*: itself, those its metadata names, or those of a folder without metadata.

    Raises:
        SourceError: there is none, or a folder without metadata holds files of both kinds.
    """
    if not path.is_dir():
        return BagFiles((path,))
    if not (path / METADATA).is_file():
        return BagFiles(_storage_files(path))
    try:
        metadata = read_metadata(path)
    except SourceError as error:
        return BagFiles(_storage_files(path), notices=(f"{METADATA} is not used: {error.problem}",))
    return _named_files(path, metadata)


def _named_files(path: Path, metadata: BagMetadata) -> BagFiles:
    named = [path / name for name in metadata.files]
    there = [file for file in named if _is_file(file)]
    if not there:
        found = _storage_files(path)
        names = printable(", ".join(file.name for file in found))
        return BagFiles(found, metadata.promised, (f"no file that {METADATA} names is there, read instead: {names}",))
    notices = []
    if missing := [file.name for file in named if file not in there]:
        notices.append(f"{len(missing)} of {len(named)} files that {METADATA} names are missing: {', '.join(missing)}")
    others = [file.name for file in _with_suffix(path) if file not in named]
    if others:
        notices.append(f"not read, because {METADATA} does not name them: {', '.join(others)}")
    return BagFiles(tuple(there), metadata.promised, tuple(map(printable, notices)))


def _storage_files(path: Path) -> tuple[Path, ...]:
    files = _with_suffix(path)
    kinds = sorted({file.suffix for file in files})
    if len(kinds) > 1:
        raise SourceError(
            f"{shown(path)} has no usable {METADATA} and holds {' and '.join(kinds)} files",
            "Give one of the files, or put each recording in a folder of its own and run `ros2 bag reindex` on it",
        )
    if not files:
        raise SourceError(
            f"{shown(path)} holds no storage file of a recording ({' or '.join(BAG_SUFFIXES)})",
            f"Copy the whole recording, or remove {METADATA} if this is a folder of images",
        )
    return files


def _with_suffix(path: Path) -> tuple[Path, ...]:
    files = (file for file in path.iterdir() if file.suffix in BAG_SUFFIXES and _is_file(file))
    return tuple(sorted(files, key=lambda file: natural_key(file.name)))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False
