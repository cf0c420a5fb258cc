# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Published state dicts under our names (docs/methods.md 4.3, layouts in ``state_dict_*.tsv``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from vpr_ros.core.command import program
from vpr_ros.core.errors import TrainingError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models.config import AggregationConfig, CrossImageConfig, ModelConfig
from vpr_ros.models.published_backbones import StateDict, read_backbone

LAYOUTS = (("backbone.", "aggregation."), ("encoder.", "pool."), ("", ""))
"""Prefixes of backbone and aggregation: SuperVLAD and the deep-visual-geo-localization benchmark, pytorch-NetVlad, and
a backbone alone."""
INNER_WRAPPERS = ("module", "_orig_mod")
"""Parts of a name that DataParallel and torch.compile add, around a model or one of its parts."""
OUTER_WRAPPERS = ("model.", "net.", "network.")
"""What a Lightning module calls the model it trains."""
VARIANT_OF_ROWS = {5: (4, 1), 3: (1, 2)}
"""Rows of the assignment -> (clusters, ghost clusters): SuperVLAD and 1-cluster VLAD as released."""
BACKBONE_ALONE_PX = {"DINOv2": (224, 224)}


class Published(NamedTuple):
    """A published model in our terms.

    Attributes:
        config: of the model.
        state_dict: under our names, complete for ``build_model(config)``.
        kind: for people, e.g. "SuperVLAD K=4 G=1 over DINOv2".
    """

    config: ModelConfig
    state_dict: StateDict
    kind: str


def without_wrappers(state_dict: Mapping[str, Tensor]) -> StateDict:
    """Strip what DataParallel, torch.compile and Lightning put into names, wherever and however often they did.

    Raises:
        TrainingError: two names become one.
    """
    names = {key: ".".join(part for part in key.split(".") if part not in INNER_WRAPPERS) for key in state_dict}
    while prefix := next((p for p in OUTER_WRAPPERS if names and all(n.startswith(p) for n in names.values())), ""):
        names = {key: name.removeprefix(prefix) for key, name in names.items()}
    stripped = {names[key]: value for key, value in state_dict.items()}
    if len(stripped) < len(state_dict):
        twice = next(name for name, count in Counter(names.values()).items() if count > 1)
        raise TrainingError(
            f"the file holds {twice!r} twice, once inside a wrapper ({', '.join(INNER_WRAPPERS)})",
            "Save the state dict of one model alone",
        )
    return stripped


def read_published(
    state_dict: Mapping[str, Tensor], name: str, heads: int | None = None, ghost_clusters: int | None = None
) -> Published:
    """Recognise a SuperVLAD, 1-cluster VLAD or NetVLAD over DINOv2, CCT or VGG16, or one of these alone, and rename it.

    Args:
        state_dict: as stored, with or without what wrappers add to its names.
        name: of the new model.
        heads: of the transformer, which no tensor shows; None means 64 channels each, as in every released one.
        ghost_clusters: of a SuperVLAD that was not released, whose assignment does not tell them from the others.

    Raises:
        TrainingError: none of them, an assignment of unknown size, or tensors that belong to nothing.
    """
    state = without_wrappers(state_dict)
    for of_backbone, of_head in LAYOUTS:
        backbone = read_backbone(_part(state, of_backbone), heads)
        head = _over_images(_part(state, of_head)) if of_head else {}
        if backbone is None or (of_head and "conv.weight" not in head):
            continue
        aggregation, kind = _aggregation(head, ghost_clusters, backbone.has_class_token)
        # pytorch-NetVlad calls its backbone what SuperVLAD calls its cross-image encoder
        encoder = _part(state, "encoder.") if of_backbone == "backbone." else {}
        _refuse_strangers(state, (of_backbone, of_head, "encoder."))
        ours = {f"backbone.{key}": value for key, value in backbone.state_dict.items()}
        ours |= {f"aggregation.{key}": value for key, value in head.items()}
        ours |= {f"cross_image.encoder.{key}": value for key, value in encoder.items()}
        height_px, width_px = backbone.size_px if head else BACKBONE_ALONE_PX.get(backbone.kind, backbone.size_px)
        config = ModelConfig(
            name=name,
            backbone=backbone.config,
            aggregation=aggregation,
            cross_image=_cross_image(encoder) if encoder else None,
            preprocessing=Preprocessing(height_px, width_px, resize="bilinear" if head else "bilinear_antialias"),
        )
        kind = f"{kind} over {backbone.kind}" if head else f"{backbone.kind} alone, pooled by {aggregation.name}"
        return Published(config, ours, kind + (" with cross-image encoder" if encoder else ""))
    shown = ", ".join(sorted(state)[:4]) or "nothing"
    raise TrainingError(
        "not a published SuperVLAD, 1-cluster VLAD, NetVLAD, DINOv2, CCT or VGG16 state dict: it holds "
        f"{len(state)} tensors ({shown}, ...)",
        f"Give the authors' .pth file; what torch.hub loads is exported by `{program('export_model')} --torch-hub REPO "
        "ENTRY`",
    )


def _over_images(head: StateDict) -> StateDict:
    """The benchmark assigns tokens of transformers by a Conv1d, (K, D, 1), where ours is (K, D, 1, 1)."""
    weight = head.get("conv.weight")
    return head if weight is None or weight.ndim != 3 else {**head, "conv.weight": weight.unsqueeze(3)}


def _aggregation(head: StateDict, ghost_clusters: int | None, has_class_token: bool) -> tuple[AggregationConfig, str]:
    if not head:
        return AggregationConfig("class_token" if has_class_token else "mean"), ""
    rows = int(head["conv.weight"].shape[0])
    if "centroids" in head:
        return AggregationConfig("netvlad", {"clusters": rows, "bias": "conv.bias" in head}), f"NetVLAD K={rows}"
    if ghost_clusters is None and rows not in VARIANT_OF_ROWS:
        raise TrainingError(
            f"the assignment conv.weight has {rows} rows; 5 mean K=4 G=1 and 3 mean K=1 G=2, as released",
            "Say with --ghost-clusters how many of the rows are ghosts",
        )
    if ghost_clusters is not None and not 0 <= ghost_clusters < rows:
        raise TrainingError(
            f"{ghost_clusters} ghosts among {rows} rows of the assignment", "At least one cluster stays"
        )
    clusters, ghosts = VARIANT_OF_ROWS[rows] if ghost_clusters is None else (rows - ghost_clusters, ghost_clusters)
    config = AggregationConfig("supervlad", {"clusters": clusters, "ghost_clusters": ghosts})
    return config, f"SuperVLAD K={clusters} G={ghosts}"


def _part(state: StateDict, prefix: str) -> StateDict:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _refuse_strangers(state: StateDict, known: tuple[str, ...]) -> None:
    strangers = sorted(key for key in state if not key.startswith(known))
    if strangers:
        raise TrainingError(
            f"{len(strangers)} tensors belong to no part of the model ({', '.join(strangers[:4])})",
            "Give the file as published: nothing is left out silently",
        )


def _cross_image(encoder: StateDict) -> CrossImageConfig:
    """Single mode: the one a robot can use (docs/methods.md 6.1)."""
    layers = len({key.split(".")[1] for key in encoder})
    return CrossImageConfig(
        mode="single", feedforward_dim=int(encoder["layers.0.linear1.weight"].shape[0]), layers=layers
    )


def encoder_looks_untrained(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether a cross-image encoder bears the marks of the release's one training step (docs/methods.md 1.5).

    Both layers start as copies and norms start at one; after a single step nothing is farther than 3e-4 and 1.5e-4.

    Args:
        state_dict: with keys ``[...]encoder.layers.{0,1}.*``; without them the answer is False.
    """
    marker = "encoder.layers."
    layers: dict[str, StateDict] = {}
    for key, value in state_dict.items():
        if marker in key:
            number, _, rest = key.split(marker)[1].partition(".")
            layers.setdefault(number, {})[rest] = value.float()
    if len(layers) < 2:
        return False
    first, second = layers["0"], layers["1"]
    step, rounding = 1.5e-4, 2e-6
    copies = all(float((first[k] - second[k]).abs().max()) <= 2 * step + rounding for k in first)
    norms = all(
        float((values[k] - (1.0 if k.endswith("weight") else 0.0)).abs().max()) <= step + rounding
        for values in (first, second)
        for k in values
        if k.startswith("norm")
    )
    limit = first["linear1.weight"].shape[1] ** -0.5 + step + rounding
    small = all(float(values["linear1.weight"].abs().max()) <= limit for values in (first, second))
    return copies and norms and small


def untrained_encoder_warning() -> str:
    """What to tell a user whose encoder looks untrained."""
    return (
        "the cross-image encoder looks untrained: its two layers are still copies of each other; "
        "prefer the checkpoint without encoder, or train the encoder"
    )
