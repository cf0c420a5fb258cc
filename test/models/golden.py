# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The reference numbers of the published code, as torch tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parents[1] / "data" / "golden"


def golden(name: str) -> dict[str, Tensor]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def layout(name: str) -> dict[str, tuple[list[int], str]]:
    """Key -> (shape, last column) of a state-dict list."""
    rows = [line.split("\t") for line in (FOLDER / f"state_dict_{name}.tsv").read_text().splitlines()[1:]]
    return {row[0]: ([int(n) for n in row[1].strip("[]").split(",")], row[-1]) for row in rows if "K" not in row[1]}


def close(actual: Tensor, expected: Tensor, atol: float = 1e-6) -> None:
    torch.testing.assert_close(actual, expected.to(actual.dtype), atol=atol, rtol=0.0)


def close_gradient(actual: Tensor | None, expected: Tensor) -> None:
    """1e-5 relative to the largest entry."""
    assert actual is not None
    close(actual, expected, atol=1e-5 * float(expected.abs().max()))
