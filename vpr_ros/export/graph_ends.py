# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Input and output of somebody else's ONNX graph: which they are, and the names the robot asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx

from vpr_ros.core.errors import ExportError
from vpr_ros.export.metadata import INPUT_NAME, OUTPUT_NAME

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)


def image_input(model: onnx.ModelProto, source: Path) -> onnx.ValueInfoProto:
    """The one input that is no weight; older files list their weights beside it.

    Raises:
        ExportError: there are several, or it does not take float32.
    """
    weights = {initializer.name for initializer in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise ExportError(
            f"{source} has the inputs {', '.join(value.name for value in inputs) or 'none'}, expected one image batch",
            "Export a network that takes images and nothing else",
        )
    found = inputs[0].type.tensor_type.elem_type
    if found != onnx.TensorProto.FLOAT:
        raise ExportError(
            f"{source} takes {onnx.TensorProto.DataType.Name(found).lower()} images, expected float (32 bits)",
            "Export it with a float32 input; a half-precision network keeps one with keep_io_types of its converter",
        )
    return inputs[0]


def descriptor_output(model: onnx.ModelProto, source: Path, name: str | None) -> onnx.ValueInfoProto:
    """The output called *name*; without one the only output, or the one that is called ``descriptor``.

    Raises:
        ExportError: no such output, several that may be meant, or one that is no vector of numbers per image.
    """
    outputs = {value.name: value for value in model.graph.output}
    wanted = name or (next(iter(outputs)) if len(outputs) == 1 else OUTPUT_NAME)
    if wanted not in outputs:
        shown = ", ".join(f"{one.name} ({', '.join(map(str, shape_of(one)))})" for one in outputs.values())
        raise ExportError(
            f"{source} has the outputs {shown}; "
            + (f"none is called {name}" if name else "which of them is the descriptor is not clear"),
            "Name it with --descriptor-output",
        )
    value = outputs[wanted]
    dims = shape_of(value)
    if len(dims) not in (0, 2):
        raise ExportError(
            f"the output {wanted} of {source} has {len(dims)} dimensions, expected (B, D)",
            "Only networks that give one vector per image can be described",
        )
    if value.type.tensor_type.elem_type not in FLOATS:
        kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
        raise ExportError(f"the output {wanted} of {source} holds {kind}", "Expected floating point numbers")
    return value


def shape_of(value: onnx.ValueInfoProto) -> list[int | str | None]:
    """Sizes as far as the file says them: a number, the name of a free size, or None."""
    dims = value.type.tensor_type.shape.dim
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in dims]


def rename_ends(model: onnx.ModelProto, image: str, outputs: Mapping[str, str]) -> list[str]:
    """Call the value *image* ``image`` and every value of *outputs* as that says, and keep no other output.

    Whatever else bears one of these names gets another.

    Returns:
        Names of the outputs that are left out.
    """
    taken = {name for graph in _graphs(model.graph) for name in _names(graph)}
    wanted = {image: INPUT_NAME, **outputs}
    names = {name: _free(name, taken) for name in wanted.values() if name in taken - set(wanted)}
    names |= wanted
    dropped = [value.name for value in model.graph.output if value.name not in outputs]
    kept = [value for value in model.graph.output if value.name in outputs]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    for graph in _graphs(model.graph):
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.name = names.get(value.name, value.name)
        for node in graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
    return dropped


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and those inside its branches and loops, which see its names."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from _graphs(inner)


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    yield from (value.name for value in (*graph.input, *graph.output, *graph.initializer))
    for node in graph.node:
        yield from (*node.input, *node.output)


def _free(name: str, taken: set[str]) -> str:
    number = next(n for n in range(1, len(taken) + 2) if f"{name}_{n}" not in taken)
    return f"{name}_{number}"
