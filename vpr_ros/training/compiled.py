# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The forward of a model behind ``torch.compile``, with one clear error where that does not work here."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vpr_ros.core.errors import ConfigError, TrainingError
from vpr_ros.models import PlaceModel

_REMEDY = "Leave `compile` out, or install what the backend needs (inductor: a C++ compiler, and triton on a GPU)"


def compiled_forward(model: PlaceModel, backend: str) -> Callable[[Tensor], Tensor]:
    """(B, 3, H, W) -> (B, D) as *model* does, compiled when it is first called.

    A function and no module: checkpoints know the weights by the model's own names.

    Raises:
        ConfigError: no such backend.
    """
    known = torch.compiler.list_backends(exclude_tags=())
    if backend not in known:
        raise ConfigError(f"compile is {backend!r}, this torch has {', '.join(known)}", "Choose inductor")
    from torch._dynamo.exc import TorchDynamoException  # noqa: PLC0415  # seconds, for those who compile alone

    forward = torch.compile(model.forward, backend=backend)

    def call(images: Tensor) -> Tensor:
        try:
            return forward(images)
        except TorchDynamoException as error:
            reason = str(error).strip().splitlines()[0][:300]
            raise TrainingError(f"torch.compile with {backend} failed: {reason}", _REMEDY) from error

    return call
