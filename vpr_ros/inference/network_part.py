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

import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from vpr_ros.inference.onnx_fields import Message, mapped
from vpr_ros.inference.protobuf import Field, fields, length_prefix, values

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
        with mapped(path) as content:
            graph = next(field for field in fields(content) if field.number == _GRAPH)
            inside = list(fields(content, begin=graph.value, end=graph.end))
            if not wanted < {_name(_value(content, field)) for field in inside if field.number == _OUTPUT}:
                return None
            kept = _kept(content, inside, wanted)
            part = io.BytesIO()  # not joined: a network of 300 MB would be held three times
            part.write(content[: graph.begin])
            part.write(length_prefix(_GRAPH, sum(field.end - field.begin for field in kept)))
            for field in kept:
                part.write(content[field.begin : field.end])
            part.write(content[graph.end :])
            return part.getvalue()
    except (ValueError, IndexError, OSError, StopIteration):
        return None


def _kept(content: Message, graph: Sequence[Field], wanted: set[bytes]) -> list[Field]:
    """The fields of a graph without the other outputs and the nodes that lead to them.

    Raises:
        ValueError, IndexError: it is none, nested too deep, or a node stands before one that it takes from.
    """
    needed, left_out, kept = set(wanted), set[bytes](), []
    for field in reversed(graph):  # a node stands after those that it takes from
        if field.number == _OUTPUT and _name(_value(content, field)) not in wanted:
            continue
        if field.number == _NODE:
            node = _value(content, field)
            gives = set(filter(None, values(node, _GIVES)))
            if needed.isdisjoint(gives):
                left_out |= gives
                continue
            needed.update(_taken(node))
        kept.append(field)
    if not needed.isdisjoint(left_out):
        raise ValueError("nodes in no order, which ONNX Runtime puts right")
    return kept[::-1]


def _value(content: Message, field: Field) -> bytes:
    return content[field.value : field.end]


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
