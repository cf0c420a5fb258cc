# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What int8 leaves in single precision."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from vpr_ros.export.precision import QUANTISED
from vpr_ros.export.sensitive_products import sensitive_products


def vlad_like() -> ModelProto:
    """Normalised image, two convolutions, tokens; a soft assignment with a bias, a reduction beside it, a whitening."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], "mean"),
        helper.make_node("Sub", ["image", "mean"], ["centred"], "normalise"),
        helper.make_node("Shape", ["image"], ["shape"], "shape"),
        helper.make_node("Conv", ["centred", "w1"], ["c1"], "first"),
        helper.make_node("Relu", ["c1"], ["r1"], "relu"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], "second"),
        helper.make_node("Reshape", ["c2", "shape"], ["tokens"], "flatten"),
        helper.make_node("MatMul", ["tokens", "words"], ["logits"], "assign"),
        helper.make_node("Add", ["logits", "bias"], ["biased"], "bias"),
        helper.make_node("Softmax", ["biased"], ["shares"], "softmax"),
        helper.make_node("MatMul", ["shares", "tokens"], ["vlad"], "residuals"),
        helper.make_node("MatMul", ["tokens", "reducing"], ["layout"], "reduce"),
        helper.make_node("Concat", ["vlad", "layout"], ["both"], "both", axis=1),
        helper.make_node("Gemm", ["both", "whitening"], ["descriptor"], "whiten"),
    ]
    weights = [
        numpy_helper.from_array(np.zeros((2, 2), np.float32), name)
        for name in ("w1", "w2", "words", "bias", "reducing", "whitening")
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("image", "descriptor")]
    return helper.make_model(helper.make_graph(nodes, "vlad", ends[:1], ends[1:], weights))


def test_the_first_product_and_what_shares_its_input_with_a_softmax_stay() -> None:
    assert sensitive_products(vlad_like(), QUANTISED) == ["first", "assign", "residuals", "reduce"]


def test_without_a_softmax_only_the_first_stays() -> None:
    model = vlad_like()
    model.graph.node[9].op_type = "Sigmoid"
    assert sensitive_products(model, QUANTISED) == ["first"]
