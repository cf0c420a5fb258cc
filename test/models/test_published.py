# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Published state dicts: recognised, renamed, loaded strictly, same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from golden import close, golden, layout
from torch.nn import functional

from vpr_ros.core.errors import TrainingError
from vpr_ros.models import build_model
from vpr_ros.models.published import encoder_looks_untrained, read_published


@pytest.mark.parametrize("size_px", [224, 322])
def test_tiny_dinov2_supervlad_gives_the_golden_tokens_and_descriptor(size_px: int) -> None:
    reference = golden("tiny_dino_supervlad")
    state = {f"module.{k}": v for k, v in reference.items() if k.startswith(("backbone.", "aggregation."))}
    published = read_published(state, "tiny", heads=2)
    model = build_model(published.config).eval()
    model.load_state_dict(published.state_dict, strict=True)
    noise = np.random.RandomState(2000 + size_px).standard_normal((1, 3, size_px, size_px))
    images = torch.from_numpy(noise.astype(np.float32))
    with torch.no_grad():
        close(model.tokens(images), reference[f"tokens_{size_px}"], atol=2e-5)
        close(model.backbone.with_class_token(images)[:, 0], reference[f"cls_{size_px}"], atol=2e-5)
        close(model(images), reference[f"desc_{size_px}"], atol=2e-6)
        model.backbone.bake_positions(size_px, size_px)
        close(model(images), reference[f"desc_{size_px}"], atol=2e-6)


@pytest.mark.parametrize(
    "wrapped",
    ["{}", "module.{}", "module.module.{}", "_orig_mod.module.{}", "model.{}", "model.model._orig_mod.{}"],
)
def test_what_wrappers_add_to_names_is_taken_away(wrapped: str) -> None:
    reference = golden("tiny_dino_supervlad")
    plain = {key: value for key, value in reference.items() if key.startswith(("backbone.", "aggregation."))}
    published = read_published({wrapped.format(key): value for key, value in plain.items()}, "tiny", heads=2)
    expected = read_published(plain, "tiny", heads=2)
    assert published.config == expected.config
    assert set(published.state_dict) == set(expected.state_dict)


def test_a_part_that_was_compiled_alone_is_read() -> None:
    reference = golden("tiny_dino_supervlad")
    plain = {key: value for key, value in reference.items() if key.startswith(("backbone.", "aggregation."))}
    compiled = {key.replace("backbone.", "backbone._orig_mod.", 1): value for key, value in plain.items()}
    assert set(read_published(compiled, "tiny", heads=2).state_dict) == set(read_published(plain, "tiny", 2).state_dict)


def test_one_tensor_under_two_names_is_refused() -> None:
    state = {"backbone.cls_token": torch.zeros(1), "module.backbone.cls_token": torch.zeros(1)}
    with pytest.raises(TrainingError, match=r"'backbone.cls_token' twice"):
        read_published(state, "tiny")


@pytest.mark.parametrize(
    ("name", "clusters", "ghosts", "mode"),
    [
        ("SuperVLAD_dino_k4g1", 4, 1, None),
        ("1ClusterVLAD_dino_k1g2", 1, 2, None),
        ("SuperVLAD_dino_k4g1_crossimage", 4, 1, "single"),
    ],
)
def test_released_layouts_fit_exactly(name: str, clusters: int, ghosts: int, mode: str | None) -> None:
    with torch.device("meta"):
        state = {f"module.{key}": torch.empty(shape) for key, (shape, _) in layout(name).items()}
        published = read_published(state, name)
        model = build_model(published.config)
    assert dict(published.config.aggregation.options) == {"clusters": clusters, "ghost_clusters": ghosts}
    assert (published.config.cross_image.mode if published.config.cross_image else None) == mode
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    assert shapes == {key: value.shape for key, value in published.state_dict.items()}
    assert len(shapes) == len(state) - 1  # mask_token


def test_a_dinov2_file_becomes_a_class_token_model() -> None:
    with torch.device("meta"):
        state = {
            key.removeprefix("backbone."): torch.empty(shape)
            for key, (shape, _) in layout("SuperVLAD_dino_k4g1").items()
            if key.startswith("backbone.")
        }
        published = read_published(state, "dino")
        model = build_model(published.config)
    assert set(model.state_dict()) == set(published.state_dict)
    assert published.config.backbone.name == "dinov2_b"


def cct_and_head(published: dict[str, torch.Tensor], head: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    cct = {f"module.backbone.{k}": v for k, v in published.items() if k.startswith(("tokenizer", "classifier"))}
    return cct | {f"module.aggregation.{key}": value for key, value in head.items()}


def test_cct_files_give_the_golden_tokens_under_supervlad_and_alone() -> None:
    reference = golden("tiny_cct")
    words = {"conv.weight": torch.randn(5, 48, 1, 1)}
    whole = read_published(cct_and_head(reference, words), "cct", heads=6)
    assert whole.kind == "SuperVLAD K=4 G=1 over CCT"
    imagenet = {k: v for k, v in reference.items() if k.startswith(("tokenizer", "classifier"))}
    imagenet |= {"classifier.fc.weight": torch.zeros(1000, 48), "classifier.fc.bias": torch.zeros(1000)}
    alone = read_published(imagenet, "cct", heads=6)
    assert alone.config.aggregation.name == "mean"
    for published in (whole, alone):
        model = build_model(published.config).eval()
        model.load_state_dict(published.state_dict, strict=True)
        with torch.no_grad():
            close(model.tokens(reference["x"]), reference["out"], atol=2e-5)


def test_the_benchmarks_netvlad_over_cct_assigns_tokens_by_a_convolution_of_one_dimension() -> None:
    reference = golden("tiny_cct")
    head = {"conv.weight": torch.randn(3, 48, 1), "centroids": torch.randn(3, 48)}
    published = read_published(cct_and_head(reference, head), "cct", heads=6)
    assert published.kind == "NetVLAD K=3 over CCT"
    model = build_model(published.config).eval()
    model.load_state_dict(published.state_dict, strict=True)
    tokens = functional.normalize(reference["out"], dim=2).transpose(1, 2)
    shares = functional.conv1d(tokens, head["conv.weight"]).softmax(dim=1)
    residuals = tokens[:, None] - head["centroids"][None, :, :, None]
    blocks = functional.normalize((shares[:, :, None] * residuals).sum(dim=3), dim=2)
    with torch.no_grad():
        close(model(reference["x"]), functional.normalize(blocks.flatten(1), dim=1), atol=2e-6)


def test_the_released_cct_layout_fits_exactly_also_when_cut() -> None:
    rows = layout("cct14_7x2_384")
    with torch.device("meta"):
        cct = {key: torch.empty(shape) for key, (shape, _) in rows.items()}
        cut = {k: v for k, v in cct.items() if not k.startswith(tuple(f"classifier.blocks.{n}." for n in range(8, 14)))}
        netvlad = {"conv.weight": torch.empty(64, 384, 1), "centroids": torch.empty(64, 384)}
        for head in ({"conv.weight": torch.empty(3, 384, 1, 1)}, netvlad):
            for state, options in ((cct, {}), (cut, {"blocks": 8})):
                published = read_published(cct_and_head(state, head), "cct")
                assert dict(published.config.backbone.options) == options
                shapes = {key: value.shape for key, value in build_model(published.config).state_dict().items()}
                assert shapes == {key: value.shape for key, value in published.state_dict.items()}


@pytest.mark.parametrize(
    ("of_backbone", "of_head", "names", "kind"),
    [
        ("backbone.", "aggregation.", ("conv.weight", "centroids"), "NetVLAD K=64 over VGG16"),
        ("encoder.", "pool.", ("conv.weight", "centroids"), "NetVLAD K=64 over VGG16"),
        ("encoder.module.", "pool.module.", ("conv.weight", "conv.bias", "centroids"), "NetVLAD K=64 over VGG16"),
        ("module.backbone.", "module.aggregation.", ("conv.weight",), "SuperVLAD K=63 G=1 over VGG16"),
    ],
)
def test_the_vgg16_layouts_of_three_code_bases_fit_exactly(
    of_backbone: str, of_head: str, names: tuple[str, ...], kind: str
) -> None:
    shapes = {"conv.weight": [64, 512, 1, 1], "conv.bias": [64], "centroids": [64, 512]}
    with torch.device("meta"):
        rows = layout("vgg16_conv5_3").items()
        state = {f"{of_backbone}{key}": torch.empty(shape) for key, (shape, _) in rows if key[0].isdigit()}
        state |= {f"{of_head}{name}": torch.empty(shapes[name]) for name in names}
        published = read_published(state, "vgg", ghost_clusters=1)
        model = build_model(published.config)
    assert published.kind == kind
    expected = {key: value.shape for key, value in published.state_dict.items()}
    assert {key: value.shape for key, value in model.state_dict().items()} == expected
    assert published.config.preprocessing.height_px == 480


def test_something_else_is_refused() -> None:
    with pytest.raises(TrainingError, match="not a published"):
        read_published({"fc.weight": torch.zeros(2, 2)}, "x")
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, (shape, _) in layout("SuperVLAD_dino_k4g1").items()}
    state["aggregation.conv.weight"] = torch.zeros(7, 768, 1, 1)
    with pytest.raises(TrainingError, match=r"7 rows.*--ghost-clusters"):
        read_published(state, "x")
    assert read_published(state, "x", ghost_clusters=2).kind == "SuperVLAD K=5 G=2 over DINOv2"
    with pytest.raises(TrainingError, match="7 ghosts among 7 rows"):
        read_published(state, "x", ghost_clusters=7)


def test_an_encoder_after_one_step_is_recognised() -> None:
    config = {
        "backbone": {"name": "vit_tiny_patch16_224", "timm_options": {"embed_dim": 64, "depth": 1, "num_heads": 2}},
        "cross_image": {"heads": 4, "feedforward_dim": 64},
    }
    state = build_model(config).state_dict()
    assert encoder_looks_untrained(state)
    one_step = {k: v + 1.5e-4 * torch.sign(torch.randn_like(v)) for k, v in state.items() if ".encoder." in k}
    assert encoder_looks_untrained(one_step)
    trained = {k: v + 1e-2 * torch.randn_like(v) for k, v in one_step.items()}
    assert not encoder_looks_untrained(trained)
    assert not encoder_looks_untrained({})
