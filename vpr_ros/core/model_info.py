# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a model file says about itself, and who can run it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vpr_ros.core.errors import ModelError
from vpr_ros.core.files import parse_json
from vpr_ros.core.frames import ImageRgb
from vpr_ros.core.preprocess import Preprocessing

METADATA_KEY = "vpr_ros"
METADATA_VERSION = 1
LONGEST_TEXT = 10_000
LARGEST_DIM = 10**6

DescriptorArray = npt.NDArray[np.float32]
"""(B, D) float32, rows of unit length."""


@dataclass(frozen=True)
class ModelInfo:
    """The ``vpr_ros`` entry of an ONNX file's ``metadata_props``, as JSON.

    Attributes:
        name, version: for people; a map calls the model by a sha256 beside them.
        preprocessing: see ``Preprocessing``.
        descriptor_dim: D of the output ``descriptor`` (B, D).
        aggregation: the pooling with its numbers, e.g. {"name": "supervlad", "clusters": 4, "ghost_clusters": 1}.
        patch_normalised: the small picture beside the learned descriptor with its numbers; None without one.
        cross_image: "none" or "single"; a model whose descriptors depend on their batch is never run on a robot.
        precision: "fp32", "fp16" or "int8".
        recipe, recipe_sha256: the training recipe that made the weights.
    """

    name: str
    version: str
    preprocessing: Preprocessing
    descriptor_dim: int
    aggregation: Mapping[str, Any]
    patch_normalised: Mapping[str, Any] | None = None
    cross_image: str = "none"
    precision: str = "fp32"
    recipe: str = ""
    recipe_sha256: str = ""

    def to_json(self) -> str:
        """Serialise for ``metadata_props``."""
        return json.dumps({"metadata_version": METADATA_VERSION, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, origin: str) -> ModelInfo:
        """Parse the metadata of the file called *origin*.

        Raises:
            ModelError: not JSON, a newer metadata version, or a field that is missing, unknown, or of another kind.
        """
        remedy = "Export the model again with `export_model` of this version"
        fields = described_fields(text, f"{origin}: the {METADATA_KEY!r} metadata", METADATA_VERSION, remedy)
        try:
            info = cls(**fields)
            _check(info)
        except (TypeError, KeyError, ValueError) as error:
            raise ModelError(f"{origin}: the {METADATA_KEY!r} metadata is incomplete ({error!r})", remedy) from error
        return info


def described_fields(text: str, what: str, newest: int, remedy: str) -> dict[str, Any]:
    """The fields of a description in an ONNX file's ``metadata_props``, its preprocessing made one.

    Args:
        text: JSON.
        what: names it in messages.
        newest: ``metadata_version`` that this software knows.
        remedy: where it cannot be read.

    Raises:
        ModelError: not JSON, a newer version, or no preprocessing that can be carried out.
    """
    fields = parse_json(text, what, ModelError)
    try:
        version = whole(fields.pop("metadata_version"))
    except (TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{what} cannot be read ({error!r})", remedy) from error
    if version > newest:
        raise ModelError(f"{what} has metadata version {version}, this software knows up to {newest}", "Update vpr_ros")
    try:
        preprocessing = dict(fields.pop("preprocessing"))
        for key in ("mean", "std"):
            preprocessing[key] = tuple(preprocessing[key])
        return {"preprocessing": Preprocessing(**preprocessing), **fields}
    except (TypeError, KeyError, ValueError) as error:
        raise ModelError(f"{what} is incomplete ({error!r})", remedy) from error
    except ModelError as error:
        raise ModelError(f"{what}: {error.problem}", error.remedy) from error


def _check(info: ModelInfo) -> None:
    """Refuse fields of another kind: the file may come from anywhere.

    Raises:
        TypeError, ValueError: which.
    """
    for name in ("name", "version", "cross_image", "precision", "recipe", "recipe_sha256"):
        value = getattr(info, name)
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise TypeError(f"{name} is no text of at most {LONGEST_TEXT} characters")
    for name in ("aggregation", "patch_normalised"):
        value = getattr(info, name)
        if not isinstance(value, Mapping) and not (value is None and name == "patch_normalised"):
            raise TypeError(f"{name} is no table")
    if not 0 < whole(info.descriptor_dim) <= LARGEST_DIM:
        raise ValueError(f"descriptor_dim is {str(info.descriptor_dim)[:80]}, expected 1 to {LARGEST_DIM}")


def whole(value: object) -> int:
    """Take a whole number of a file that anybody may have written.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{str(value)[:80]} is no whole number")
    return value


class Extractor(Protocol):
    """Image to descriptor. Two steps, so that callers can time and overlap them."""

    @property
    def info(self) -> ModelInfo:
        """What the model says about itself."""

    @property
    def sha256(self) -> str:
        """Hash of the first model file that gave these descriptors; what a map calls the model."""

    @property
    def provider(self) -> str:
        """What runs it, e.g. "CPUExecutionProvider"."""

    def prepare(self, images_rgb: Sequence[ImageRgb]) -> npt.NDArray[np.float32]:
        """Preprocess B images to (B, 3, H, W) float32."""

    def infer(self, batch: npt.NDArray[np.float32]) -> DescriptorArray:
        """Run the network: (B, 3, H, W) float32 -> (B, D) float32, rows of unit length.

        Raises:
            NoDescriptorError: the network has none for some of the images, of one colour for example.
            ModelError: the runtime failed, or gave another shape.
        """
