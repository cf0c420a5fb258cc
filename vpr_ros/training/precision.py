# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""In which numbers a recipe trains: Lightning's own words for it, and two that look at the device first."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import lightning
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from lightning.pytorch.plugins.precision import Precision as PrecisionPlugin

from vpr_ros.core.errors import ConfigError

OfLightning = Literal["32-true", "bf16-mixed", "bf16-true", "16-mixed", "16-true", "64-true"]
PrecisionName = Literal["auto", "tf32", OfLightning]
TIMED: Final = ("auto", "32-true", "tf32", "bf16-mixed")
"""What ``benchmark_train`` knows how to take a step in."""


class RecipeTrainer(lightning.Trainer):
    """Lightning's trainer, which asks the device where the recipe does not say in which numbers to train.

    Args:
        precision: as Lightning's; "auto" is bf16-mixed on a GPU that computes in bfloat16 and 32-true anywhere else,
            "tf32" is 32-true whose matrix products a GPU may round to TensorFloat-32.
        options: of Lightning's trainer.
    """

    def __init__(self, *, precision: PrecisionName | None = None, **options: Any) -> None:
        on_gpu = options.get("accelerator", "auto") in ("auto", "gpu", "cuda") and torch.cuda.is_available()
        if precision is not None:
            precision = resolved(precision, torch.device("cuda" if on_gpu else "cpu"))
        super().__init__(precision=precision, **options)  # type: ignore[arg-type]  # resolved: Lightning's own


def resolved(precision: PrecisionName, device: torch.device) -> OfLightning:
    """The word of Lightning that *precision* stands for on *device*; "tf32" changes how this process multiplies."""
    if precision == "auto":
        return "bf16-mixed" if device.type == "cuda" and torch.cuda.is_bf16_supported(False) else "32-true"
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
        return "32-true"
    return precision


def plugin(precision: str, device: torch.device) -> PrecisionPlugin:
    """Lightning's own plugin for one of ``TIMED``, for a step without a trainer.

    Raises:
        ConfigError: another precision.
    """
    if precision not in TIMED:
        known = precision in get_args(OfLightning)
        raise ConfigError(
            f"precision {precision!r} {'is not timed' if known else 'is none'}", f"Choose one of {', '.join(TIMED)}"
        )
    found = resolved(precision, device)  # type: ignore[arg-type]  # one of TIMED
    return MixedPrecision(found, device.type) if found == "bf16-mixed" else PrecisionPlugin()
