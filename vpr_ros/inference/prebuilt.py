"""A model file that carries a TensorRT engine: what it says about it, read without ``onnx`` and before any session.

Such a file holds one node, ``EPContext``, with the engine in it. It stands for the model file it was made of: it bears
that file's sha256, so a map goes with either.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from vpr_ros.core.errors import ModelError
from vpr_ros.core.files import parse_json

ENGINE_KEY = "vpr_ros.engine"
"""Of the entry in the ONNX file's ``metadata_props``, beside the model's own."""
MOST_IMAGES = 4096
_METADATA, _KEY, _VALUE = 14, 1, 2
"""Field numbers of ``metadata_props`` in ONNX's ``ModelProto``, and of the halves of an entry."""
_VARINT, _BYTES = 0, 2
_FIXED_SIZE = {1: 8, 5: 4}
_MOST_FIELDS = 10_000


@dataclass(frozen=True)
class PrebuiltEngine:
    """Where an engine comes from, and where it runs: an engine is for one kind of GPU and one TensorRT.

    Attributes:
        source, source_sha256: name and hash of the model file it was made of.
        gpu: name and compute capability, for people.
        tensorrt, onnxruntime: versions that built it.
        max_batch: images it takes at once.
    """

    source: str
    source_sha256: str
    gpu: str
    tensorrt: str
    onnxruntime: str
    max_batch: int

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
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            entries = [_entry(field) for field in _fields(content, _METADATA)]
    except (ValueError, IndexError, OSError):
        return None  # ONNX Runtime says what is wrong with it
    text = dict(entries).get(ENGINE_KEY.encode())
    return None if text is None else PrebuiltEngine.from_json(text.decode(errors="replace"), str(path))


def _entry(field: bytes) -> tuple[bytes, bytes]:
    key, value = (next(_fields(field, number), b"") for number in (_KEY, _VALUE))
    return key, value


def _fields(message: bytes | mmap.mmap, wanted: int) -> Iterator[bytes]:
    """The fields of one number in a protobuf message; the others, weights among them, are stepped over.

    Raises:
        ValueError, IndexError: it is no such message.
    """
    at = 0
    for _ in range(_MOST_FIELDS):
        if at == len(message):
            return
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
            continue
        size, at = _varint(message, at) if kind == _BYTES else (_FIXED_SIZE.get(kind, -1), at)
        if size < 0 or at + size > len(message):
            raise ValueError("no protobuf message")
        if number == wanted:
            yield message[at : at + size]
        at += size
    raise ValueError("more fields than an ONNX file has")


def _varint(message: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no protobuf message")
