# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The part of an ONNX file that some of its outputs need: ONNX Runtime computes every output, asked for or not.

Nodes and outputs are left out of the file's bytes as they stand, for ``onnx`` is not installed on a robot.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from vpr_ros.inference.protobuf import bytes_field, fields, values

_GRAPH: Final = 7
"""Of ``ModelProto``; the others are of ``GraphProto``, ``NodeProto`` and ``AttributeProto``."""
_NODE, _OUTPUT, _NAME = 1, 12, 1
_TAKES, _GIVES, _ATTRIBUTE = 1, 2, 5
_SUBGRAPHS = (6, 11)
_DEEPEST: Final = 8
"""Loops in loops: what is nested deeper is left whole."""


def network_part(path: Path, outputs: Collection[str]) -> bytes | None:
    """The file without what only other outputs than *outputs* need; None where they need the whole file.

    None too where one is missing or it is no ONNX file: ONNX Runtime says what is wrong with it.
    """
    wanted = {name.encode() for name in outputs}
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            graph = next(field for field in fields(content) if field.number == _GRAPH)
            ends = [field for field in fields(content, begin=graph.value, end=graph.end) if field.number == _OUTPUT]
            if not wanted < {_name(content[output.value : output.end]) for output in ends}:
                return None
            part = bytes_field(_GRAPH, _part(content[graph.value : graph.end], wanted))
            return b"".join([content[: graph.begin], part, content[graph.end :]])
    except (ValueError, IndexError, OSError, StopIteration):
        return None


def _part(graph: bytes, wanted: set[bytes]) -> bytes:
    """The graph's bytes without the other outputs and the nodes that lead to them.

    Raises:
        ValueError, IndexError: it is none, or nested too deep.
    """
    needed, kept = set(wanted), []
    for field in reversed(list(fields(graph))):  # a node stands after those that it takes from
        if field.number == _OUTPUT and _name(graph[field.value : field.end]) not in wanted:
            continue
        if field.number == _NODE:
            node = graph[field.value : field.end]
            if needed.isdisjoint(filter(None, values(node, _GIVES))):
                continue
            needed.update(_taken(node))
        kept.append(graph[field.begin : field.end])
    return b"".join(reversed(kept))


def _taken(node: bytes, depth: int = 0) -> Iterator[bytes]:
    """Names of what a node takes, its loops and branches included."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    yield from values(node, _TAKES)
    for attribute in values(node, _ATTRIBUTE):
        for number in _SUBGRAPHS:
            for graph in values(attribute, number):
                yield from (_name(output) for output in values(graph, _OUTPUT))
                for inner in values(graph, _NODE):
                    yield from _taken(inner, depth + 1)


def _name(value_info: bytes) -> bytes:
    return next(values(value_info, _NAME), b"")
