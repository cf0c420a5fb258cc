"""Published state dicts under our names (METHODS 1.8, layouts in ``state_dict_*.tsv``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from vpr_ros.core.errors import TrainingError
from vpr_ros.core.preprocess import Preprocessing
from vpr_ros.models.config import AggregationConfig, BackboneConfig, CrossImageConfig, ModelConfig

StateDict = dict[str, Tensor]

ASSIGNMENT_KEY = "aggregation.conv.weight"
VARIANT_OF_ROWS = {5: (4, 1), 3: (1, 2)}
"""Rows of the assignment -> (clusters, ghost clusters): SuperVLAD and 1-cluster VLAD as released."""
DINOV2_OF_DIM = {384: "dinov2_s", 768: "dinov2_b", 1024: "dinov2_l"}
HEAD_DIM = 64
TEST_SIZE_PX = 322


class Published(NamedTuple):
    """A published model in our terms.

    Attributes:
        config: of the model.
        state_dict: under our names, complete for ``build_model(config)``.
        kind: for people, e.g. "SuperVLAD K=4 G=1".
    """

    config: ModelConfig
    state_dict: StateDict
    kind: str


def without_prefix(state_dict: Mapping[str, Tensor], prefix: str = "module.") -> StateDict:
    """Strip DataParallel's prefix where every key has it."""
    if state_dict and all(key.startswith(prefix) for key in state_dict):
        return {key.removeprefix(prefix): value for key, value in state_dict.items()}
    return dict(state_dict)


def read_published(state_dict: Mapping[str, Tensor], name: str, heads: int | None = None) -> Published:
    """Recognise a SuperVLAD, 1-cluster VLAD or DINOv2 state dict and rename it.

    Args:
        state_dict: as stored, with or without ``module.``.
        name: of the new model.
        heads: of the transformer, which no tensor shows; None means 64 channels each, as in every released DINOv2.

    Raises:
        TrainingError: neither of them, or an assignment of unknown size.
    """
    state = without_prefix(state_dict)
    if "backbone.patch_embed.proj.weight" in state and ASSIGNMENT_KEY in state:
        return _supervlad(state, name, heads)
    if "patch_embed.proj.weight" in state and "blocks.0.ls1.gamma" in state:
        return _dinov2(state, name, heads)
    shown = ", ".join(sorted(state)[:4]) or "nothing"
    raise TrainingError(
        f"not a published SuperVLAD, 1-cluster VLAD or DINOv2 state dict: it holds {len(state)} tensors ({shown}, ...)",
        "Give the authors' .pth file, or wrap the model with --torch-hub",
    )


def _supervlad(state: StateDict, name: str, heads: int | None) -> Published:
    rows = int(state[ASSIGNMENT_KEY].shape[0])
    if rows not in VARIANT_OF_ROWS:
        raise TrainingError(
            f"{ASSIGNMENT_KEY} has {rows} rows; 5 mean K=4 G=1 and 3 mean K=1 G=2",
            "This is none of the released variants: train or build it with a config of its own",
        )
    clusters, ghosts = VARIANT_OF_ROWS[rows]
    encoder = {key.removeprefix("encoder."): value for key, value in state.items() if key.startswith("encoder.")}
    ours = {f"backbone.net.{key}": value for key, value in _part(state, "backbone.").items() if key != "mask_token"}
    ours |= {f"aggregation.{key}": value for key, value in _part(state, "aggregation.").items()}
    ours |= {f"cross_image.encoder.{key}": value for key, value in encoder.items()}
    config = ModelConfig(
        name=name,
        backbone=_backbone(_part(state, "backbone."), heads),
        aggregation=AggregationConfig("supervlad", {"clusters": clusters, "ghost_clusters": ghosts}),
        cross_image=_cross_image(encoder) if encoder else None,
        preprocessing=Preprocessing(TEST_SIZE_PX, TEST_SIZE_PX, resize="bilinear"),
    )
    kind = f"SuperVLAD K={clusters} G={ghosts}" + (" with cross-image encoder" if encoder else "")
    return Published(config, ours, kind)


def _dinov2(state: StateDict, name: str, heads: int | None) -> Published:
    ours = {f"backbone.net.{key}": value for key, value in state.items() if key != "mask_token"}
    config = ModelConfig(
        name=name,
        backbone=_backbone(state, heads),
        aggregation=AggregationConfig("class_token"),
        preprocessing=Preprocessing(224, 224),
    )
    return Published(config, ours, "DINOv2 with its class token")


def _part(state: StateDict, prefix: str) -> StateDict:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _backbone(state: StateDict, heads: int | None) -> BackboneConfig:
    """Read the transformer's size from its tensors; positions resampled as the authors do."""
    dim = int(state["cls_token"].shape[-1])
    depth = len({key.split(".")[1] for key in state if key.startswith("blocks.")})
    if "register_tokens" in state:
        raise TrainingError("a DINOv2 file with register tokens", "Only the variants without registers are converted")
    patch = int(state["patch_embed.proj.weight"].shape[-1])
    table = int(state["pos_embed"].shape[1]) - 1
    image_px = round(table**0.5) * patch
    standard = {"dinov2_s": 12, "dinov2_b": 12, "dinov2_l": 24}
    known = DINOV2_OF_DIM.get(dim)
    if heads is None and known is not None and depth == standard[known] and patch == 14 and table == 1369:
        return BackboneConfig(known, options={"pos_embed": "official"})
    heads = heads or max(1, dim // HEAD_DIM)
    size: dict[str, Any] = {"embed_dim": dim, "depth": depth, "num_heads": heads, "patch_size": patch}
    return BackboneConfig("dinov2_s", options={"pos_embed": "official", "timm_options": {**size, "img_size": image_px}})


def _cross_image(encoder: StateDict) -> CrossImageConfig:
    """Single mode: the one a robot can use (METHODS 5.7)."""
    layers = len({key.split(".")[1] for key in encoder})
    return CrossImageConfig(
        mode="single", feedforward_dim=int(encoder["layers.0.linear1.weight"].shape[0]), layers=layers
    )


def encoder_looks_untrained(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether a cross-image encoder bears the marks of the release's one training step (METHODS 1.9).

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
        "the cross-image encoder looks untrained: its two layers are still copies of each other (METHODS 1.9); "
        "prefer the checkpoint without encoder, or train the encoder"
    )
