# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which products of a graph 8 bits are too few for."""

from __future__ import annotations

from collections.abc import Collection

import onnx


def sensitive_products(model: onnx.ModelProto, kinds: Collection[str]) -> list[str]:
    """Name the nodes of these *kinds* that are to be left in single precision.

    The first products after the image: grey values normalised per image have long tails, and what is lost here is lost
    in every layer. Products whose result a softmax reads, the sharp assignment to clusters; and those that share their
    input with one of them, as a quantiser rounds a tensor for all its readers.

    Args:
        model: in fp32; its nodes are in topological order.
        kinds: operators that would be quantised, e.g. "Conv".
    """
    products = [node for node in model.graph.node if node.op_type in kinds]
    sharp = _outputs_a_softmax_reads(model)
    before_softmax = [node for node in products if sharp & set(node.output)]
    rounded_with_them = {node.input[0] for node in before_softmax}
    later = _outputs_after_a_product(model, kinds)
    return [
        node.name
        for node in products
        if sharp & set(node.output) or rounded_with_them & set(node.input) or node.input[0] not in later
    ]


def before_any_product(model: onnx.ModelProto, kinds: Collection[str]) -> list[str]:
    """Name the nodes that come before the first of these *kinds*, in which an image is normalised.

    The grey of a nearly blank wall lies within a few hundredths, of which half precision keeps two digits.
    """
    later = _outputs_after_a_product(model, kinds)
    return [node.name for node in model.graph.node if node.op_type not in kinds and not later & set(node.output)]


def _outputs_a_softmax_reads(model: onnx.ModelProto) -> set[str]:
    read = {name for node in model.graph.node if node.op_type == "Softmax" for name in node.input}
    # a bias may stand between the product and the softmax
    return read | {
        name for node in model.graph.node if node.op_type == "Add" and read & set(node.output) for name in node.input
    }


def _outputs_after_a_product(model: onnx.ModelProto, kinds: Collection[str]) -> set[str]:
    after: set[str] = set()
    for node in model.graph.node:
        if node.op_type in kinds or after & set(node.input):
            after.update(node.output)
    return after
