# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model file that carries a TensorRT engine: what it says about it, read without ``onnx`` and before any session.

Such a file holds one node, ``EPContext``, with the engine in it. It stands for the model file it was made of: it bears
that file's sha256, so a map goes with either.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from vpr_ros.core.errors import ModelError
from vpr_ros.core.files import parse_json
from vpr_ros.inference.onnx_fields import mapped, metadata_entry
from vpr_ros.inference.protobuf import fields

ENGINE_KEY = "vpr_ros.engine"
"""Of the entry in the ONNX file's ``metadata_props``, beside the model's own."""
MOST_IMAGES = 4096


@dataclass(frozen=True)
class PrebuiltEngine:
    """Where an engine comes from, and where it runs: an engine is for one kind of GPU and one TensorRT.

    Attributes:
        source, source_sha256: name of the model file it was made of, and the hash by which maps know its descriptors.
        gpu: name and compute capability, for people.
        tensorrt, onnxruntime: versions that built it.
        max_batch: images it takes at once.
        source_local_sha256: by which maps know its local features; "" where that is the same.
    """

    source: str
    source_sha256: str
    gpu: str
    tensorrt: str
    onnxruntime: str
    max_batch: int
    source_local_sha256: str = ""

    def to_json(self) -> str:
        """Serialise for ``metadata_props``."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, origin: str) -> PrebuiltEngine:
        """Parse the entry of the file called *origin*.

        Raises:
            ModelError: a field is missing, unknown or of another kind.
        """
        fields = parse_json(text, f"{origin}: the {ENGINE_KEY!r} metadata", ModelError)
        try:
            engine = cls(**fields)
            if not re.fullmatch(r"[0-9a-f]{64}", engine.source_sha256) or not 1 <= engine.max_batch <= MOST_IMAGES:
                raise ValueError("source_sha256 or max_batch")
            if not re.fullmatch(r"([0-9a-f]{64})?", engine.source_local_sha256):
                raise ValueError("source_local_sha256")
            if type(engine.max_batch) is not int:  # true is one
                raise ValueError("max_batch is no whole number")
            if not all(isinstance(fields[name], str) for name in ("source", "gpu", "tensorrt", "onnxruntime")):
                raise ValueError("source, gpu, tensorrt or onnxruntime")
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"{origin}: the {ENGINE_KEY!r} metadata cannot be read ({error})",
                "Make the file again with `export_model --tensorrt` of this version",
            ) from error
        return engine

    @property
    def built_for(self) -> str:
        """Where it runs, for people."""
        return f"{self.gpu} and TensorRT {self.tensorrt}"


def read_engine(path: Path) -> PrebuiltEngine | None:
    """What the file says about the engine inside; None where it holds none of ours, or is no ONNX file at all.

    Raises:
        ModelError: the description of an engine that cannot be read.
    """
    try:
        with mapped(path) as content:
            entries = dict(filter(None, (metadata_entry(content, field) for field in fields(content))))
    except (ValueError, IndexError, OSError):
        return None  # ONNX Runtime says what is wrong with it
    text = entries.get(ENGINE_KEY.encode())
    return None if text is None else PrebuiltEngine.from_json(text.decode(errors="replace"), str(path))
