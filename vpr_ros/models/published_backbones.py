# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Backbones inside published state dicts, recognised by their tensors' names (docs/methods.md 4.1, 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.config import BackboneConfig

StateDict = dict[str, Tensor]

DINOV2_OF_DIM = {384: ("dinov2_s", 12), 768: ("dinov2_b", 12), 1024: ("dinov2_l", 24)}
"""Channels -> our name and the number of blocks."""
DINOV2_TABLE, DINOV2_PATCH_PX = 37 * 37, 14
CCT_DIM, CCT_BLOCKS, CCT_SIDE_PX = 384, 14, 384
HEAD_DIM = 64
"""Channels of one attention head in every released DINOv2 and CCT."""


class PublishedBackbone(NamedTuple):
    """A backbone in our terms.

    Attributes:
        config: what builds it.
        state_dict: under our names, without ``backbone.``.
        kind: for people.
        size_px: height and width its published evaluation uses.
        has_class_token: whether it can stand alone as a class-token model.
    """

    config: BackboneConfig
    state_dict: StateDict
    kind: str
    size_px: tuple[int, int]
    has_class_token: bool = False


def read_backbone(state: StateDict, heads: int | None = None) -> PublishedBackbone | None:
    """Recognise DINOv2, CCT or VGG16 from a state dict without any prefix; None where it is none of them.

    Args:
        state: names as the authors' backbone has them.
        heads: of a transformer, which no tensor shows; None means 64 channels each, as in every released one.

    Raises:
        TrainingError: a variant that cannot be converted.
    """
    readers: dict[str, Callable[[StateDict, int | None], PublishedBackbone]] = {
        "blocks.0.ls1.gamma": _dinov2,
        "tokenizer.conv_layers.0.0.weight": _cct,
        "28.weight": _vgg16,
    }
    for key, read in readers.items():
        if key in state:
            return read(state, heads)
    return None


def _dinov2(state: StateDict, heads: int | None) -> PublishedBackbone:
    """Size from the tensors; positions resampled as the authors do."""
    if "register_tokens" in state:
        raise TrainingError("a DINOv2 file with register tokens", "Only the variants without registers are converted")
    dim = int(state["cls_token"].shape[-1])
    depth = _count(state, "blocks.")
    patch_px = int(state["patch_embed.proj.weight"].shape[-1])
    table = int(state["pos_embed"].shape[1]) - 1
    options: dict[str, Any] = {"pos_embed": "official"}
    heads = heads or max(1, dim // HEAD_DIM)
    name, usual_depth = DINOV2_OF_DIM.get(dim, ("", 0))
    found = (depth, table, patch_px, heads * HEAD_DIM)
    if found != (usual_depth, DINOV2_TABLE, DINOV2_PATCH_PX, dim):
        name = "dinov2_s"
        options["timm_options"] = {
            "embed_dim": dim,
            "depth": depth,
            "num_heads": heads,
            "patch_size": patch_px,
            "img_size": round(table**0.5) * patch_px,
        }
    ours = {f"net.{key}": value for key, value in state.items() if key != "mask_token"}
    return PublishedBackbone(BackboneConfig(name, options=options), ours, "DINOv2", (322, 322), True)


def _cct(state: StateDict, heads: int | None) -> PublishedBackbone:
    """CCT with two 7x7 convolutions; the classifier of an ImageNet file is left out."""
    positions = state["classifier.positional_emb"]
    dim, depth = int(positions.shape[2]), _count(state, "classifier.blocks.")
    side_px = round(int(positions.shape[1]) ** 0.5) * 16
    heads = heads or max(1, dim // HEAD_DIM)
    options: dict[str, Any] = {} if depth == CCT_BLOCKS else {"blocks": depth}
    if (dim, side_px, heads * HEAD_DIM) != (CCT_DIM, CCT_SIDE_PX, dim):
        options |= {
            "dim": dim,
            "heads": heads,
            "mlp_ratio": int(state["classifier.blocks.0.linear1.weight"].shape[0]) // dim,
            "image_px": (side_px, side_px),
        }
    ours = {key: value for key, value in state.items() if not key.startswith("classifier.fc.")}
    return PublishedBackbone(BackboneConfig("cct14_7x2_384", options=options), ours, "CCT", (side_px, side_px))


def _vgg16(state: StateDict, _heads: int | None) -> PublishedBackbone:
    ours = {f"net.{key}": value for key, value in state.items()}
    return PublishedBackbone(BackboneConfig("vgg16"), ours, "VGG16", (480, 640))


def _count(state: StateDict, prefix: str) -> int:
    return len({key.removeprefix(prefix).split(".")[0] for key in state if key.startswith(prefix)})
