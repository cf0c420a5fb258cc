# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The earlier model file whose outputs a model file gives, so that the maps of the one go with the other.

A map is bound to what computes its descriptors, and names it by the hash of the first file that did. A file that was
written anew around the same network, with local features beside the descriptor for example, names that file in its
metadata, once ``export`` has compared what both say of real images. The entry holds the hash of all else in its file:
whatever is changed there afterwards, a weight, a node or the preprocessing, the entry is void, and the file stands for
itself alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

from vpr_ros.core.errors import ModelError
from vpr_ros.core.files import parse_json
from vpr_ros.core.hashing import file_sha256
from vpr_ros.inference.onnx_fields import Message, mapped, metadata_entry
from vpr_ros.inference.protobuf import Field, fields

PREDECESSOR_KEY: Final = "vpr_ros.same_as"
"""Of the entry in the ONNX file's ``metadata_props``."""


@dataclass(frozen=True)
class Predecessor:
    """Which earlier file gives the same.

    Attributes:
        descriptor_sha256: hash of the first file that gave these descriptors.
        local_sha256: of the first that gave these local features; "" where they are this file's own.
        rest_sha256: of the file that says so, without this entry.
    """

    descriptor_sha256: str
    local_sha256: str
    rest_sha256: str

    def to_json(self) -> str:
        """Serialise for ``metadata_props``."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, origin: str) -> Predecessor:
        """Parse the entry of the file called *origin*.

        Raises:
            ModelError: a field is missing, unknown or of another kind.
        """
        what = f"{origin}: the {PREDECESSOR_KEY!r} metadata"
        found = parse_json(text, what, ModelError)
        try:
            entry = cls(**found)
            for name, digest in asdict(entry).items():
                if not re.fullmatch("[0-9a-f]{64}" + ("|" if name == "local_sha256" else ""), digest):
                    raise ValueError(name)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"{what} cannot be read ({error})", "Write it again with `describe_model --same-as` of this version"
            ) from error
        return entry


class ModelIdentity(NamedTuple):
    """What a model file is called in maps.

    Attributes:
        file_sha256: hash of the file.
        descriptor_sha256: of the first file that gave its descriptors.
        local_sha256: of the first that gave its local features.
    """

    file_sha256: str
    descriptor_sha256: str
    local_sha256: str

    def is_same_network(self, other: ModelIdentity) -> bool:
        """Whether both give the same of every image, whatever else their files hold."""
        return (self.descriptor_sha256, self.local_sha256) == (other.descriptor_sha256, other.local_sha256)


def identity_of_file(path: Path) -> ModelIdentity:
    """Read the file *path*: what it is called, and what it stands for as long as nobody has changed it.

    Raises:
        ModelError: it says so in words that cannot be read.
        OSError: the file cannot be read.
    """
    own = file_sha256(path)
    found = _read(path)
    if found is None:
        return ModelIdentity(own, own, own)
    return ModelIdentity(own, found.descriptor_sha256, found.local_sha256 or own)


def without_predecessor(content: Message) -> list[tuple[int, int]]:
    """Where all else lies in a model file: begins and ends.

    Raises:
        ValueError, IndexError: it is no ONNX file.
    """
    return [(field.begin, field.end) for field in fields(content) if not _is_ours(content, field)]


def rest_sha256(content: Message) -> str:
    """Hash of all else in a model file.

    Raises:
        ValueError, IndexError: it is no ONNX file.
    """
    digest = hashlib.sha256()
    with memoryview(content) as view:
        for start, end in without_predecessor(content):
            with view[start:end] as part:
                digest.update(part)
    return digest.hexdigest()


def _read(path: Path) -> Predecessor | None:
    """What the file says; None where it says nothing, was changed since, or is no ONNX file."""
    try:
        with mapped(path) as content:
            texts = [entry[1] for field in fields(content) if (entry := _ours(content, field))]
            if not texts:
                return None
            found = Predecessor.from_json(texts[-1].decode(errors="replace"), str(path))
            return found if found.rest_sha256 == rest_sha256(content) else None
    except (ValueError, IndexError):
        return None  # ONNX Runtime says what is wrong with it


def _ours(content: Message, field: Field) -> tuple[bytes, bytes] | None:
    entry = metadata_entry(content, field)
    return entry if entry and entry[0] == PREDECESSOR_KEY.encode() else None


def _is_ours(content: Message, field: Field) -> bool:
    return _ours(content, field) is not None
