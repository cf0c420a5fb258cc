# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Published ``.pth`` files become our checkpoints, without running what a pickle asks for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vpr_ros.core.errors import TrainingError
from vpr_ros.models.build import build_model
from vpr_ros.models.checkpoint import load_strictly
from vpr_ros.models.place_model import PlaceModel
from vpr_ros.models.published import Published, encoder_looks_untrained, read_published, untrained_encoder_warning

STATE_DICT_KEYS = ("model_state_dict", "state_dict", "model")

_log = logging.getLogger(__name__)


def convert(
    path: Path, name: str = "", heads: int | None = None, ghost_clusters: int | None = None
) -> tuple[PlaceModel, Published]:
    """Read a published ``.pth`` file (see ``read_published``) into a model; every tensor must fit.

    Args:
        path: the authors' file, a training checkpoint or a bare state dict.
        name: of the new model; empty takes the file's.
        heads: attention heads, where a transformer has not 64 channels in each.
        ghost_clusters: where the file's SuperVLAD is none of the released ones.

    Returns:
        The model, and what was recognised. A cross-image encoder that looks untrained is logged as a warning.

    Raises:
        TrainingError: unreadable, unsafe, none of the known layouts, or tensors that do not fit.
    """
    published = read_published(read_state_dict(path), name or path.stem, heads, ghost_clusters)
    if encoder_looks_untrained(published.state_dict):
        _log.warning("%s: %s", path, untrained_encoder_warning())
    model = build_model(published.config).eval()
    load_strictly(model, published.state_dict, str(path))
    return model, published


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.pth`` file; only tensors, numbers and NumPy arrays are ever constructed.

    Raises:
        TrainingError: missing, damaged, a pickle that asks for other code, or without tensors.
    """
    if not path.is_file():
        raise TrainingError(f"no file {path}", "Check the path")
    try:
        with torch.serialization.safe_globals(_numpy_constructors()):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to spell
        raise TrainingError(
            f"{path} cannot be read safely ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
            "Give a .pth file that holds tensors, numbers and arrays only; save the state dict alone if need be",
        ) from error
    return _tensors(content, path)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        inner = next((content[key] for key in STATE_DICT_KEYS if isinstance(content.get(key), Mapping)), content)
        tensors = {str(key): value for key, value in inner.items() if isinstance(value, Tensor)}
        if tensors and len(tensors) == len(inner):
            return tensors
    raise TrainingError(
        f"{path} holds no state dict (found {type(content).__name__}"
        + (f" with {', '.join(sorted(map(str, content))[:5])})" if isinstance(content, Mapping) else ")"),
        f"Expected tensors by name, bare or under one of {', '.join(STATE_DICT_KEYS)}",
    )


def _numpy_constructors() -> list[Any]:
    """The authors' files hold their recalls as a NumPy array: what rebuilds one, by its old and its new name."""
    reconstruct = np.array(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    dtypes = [type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "bool")]
    old = [(reconstruct, "numpy.core.multiarray._reconstruct"), (scalar, "numpy.core.multiarray.scalar")]
    new = [(reconstruct, "numpy._core.multiarray._reconstruct"), (scalar, "numpy._core.multiarray.scalar")]
    return [*old, *new, np.ndarray, np.dtype, *dtypes]
